// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/verifier.h"
#include "base/time.h"
#include "cloud/authorizer.h"
#include "cloud/callers.h"
#include "cloud/recipient.h"
#include "cloud/service.h"
#include "cloud/store.h"
#include "cloud/web_identity.h"
#include "ledger/decision.h"
#include "net/http.h"

namespace cofferdam::cloud {

class Kms;
class Sts;

struct CloudOptions {
  Place place;
  bool allow_document_reuse = false;
  // Whom to believe about TLS when fetching the keys of OIDC issuers; nullptr: nobody.
  std::shared_ptr<const net::TlsClientContext> issuer_tls = {};
};

// The local AWS without its sockets: one request in, one answer out.
//
// Finds out who signs (SigV4), which service is meant (X-Amz-Target, else the credential
// scope) and lets it answer. Nothing of a request's content is looked at before its
// signature has been verified. Never fails: every failure is an answer in the protocol of
// the service. One thread.
class CloudService {
 public:
  // All must outlive the service.
  CloudService(Store& store, const attest::Verifier& verifier, ledger::DecisionLog& decisions,
               const Clock& clock, CloudOptions options);

  // To be awaited before handle(): fetches from elsewhere, or makes on another
  // thread, what the answer needs, so that
  // handle() need not wait for anybody. `request` must live until then.
  boost::asio::awaitable<void> prepare(const net::HttpRequest& request);
  // Leaves in `trace` what the event log wants to know.
  net::HttpResponse handle(const net::HttpRequest& request, CallTrace& trace);

 private:
  Service* service_for(const net::HttpRequest& request, const aws::SignatureClaim* claim) const;
  net::HttpResponse handle_signed(const net::HttpRequest& request, Service& service,
                                  const aws::SignatureClaim& claim, CallTrace& trace);
  net::HttpResponse handle_unsigned(const net::HttpRequest& request, Service& service,
                                    CallTrace& trace);
  bool is_signed(const net::HttpRequest& request, const Service& service);
  Result<Caller> authenticate(const net::HttpRequest& request, const aws::SignatureClaim& claim,
                              const Service& service, Timestamp now);

  const Clock& clock_;
  CloudOptions options_;
  RecipientGate recipients_;
  Callers callers_;
  Authorizer authorizer_;
  IssuerKeys issuers_;
  Kms* kms_ = nullptr;  // One of the services, as is the next.
  Sts* sts_ = nullptr;
  std::vector<std::unique_ptr<Service>> services_;
};

}  // namespace cofferdam::cloud
