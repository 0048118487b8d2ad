// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "aws/sigv4.h"
#include "base/log.h"
#include "cloud/cloud_service.h"
#include "cloud/identities.h"

namespace cofferdam {

// A local AWS in memory whose clock stands still, asked by its administrator: what the
// targets behind the signature share.
class LocalAws {
 public:
  LocalAws()
      : store_(*cloud::Store::open(std::nullopt, Secret(32))),
        verifier_(attest::TrustRoot::aws()),
        decisions_(ledger::discard_decisions()),
        service_(store_, verifier_, *decisions_, clock_, {}) {
    log::start("fuzz", log::Level::off);
    become_administrator(cloud::Place{});
  }

  // Of this account, which is made where it is missing.
  void become_administrator(const cloud::Place& place) {
    if (!cloud::ensure_principals(store_, place, clock_.now())) abort();
    credentials_ = *cloud::credentials_of(store_, cloud::admin_arn(place));
  }

  // Signs and sends. `target` is X-Amz-Target, empty for the Query protocol.
  net::HttpResponse send(std::string_view service, std::string target, Bytes body) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.headers = {{"Host", "localhost"}};
    if (!target.empty()) request.headers.emplace_back("X-Amz-Target", std::move(target));
    request.body = std::move(body);
    const aws::SigningScope scope{.region = "us-east-1", .service = std::string(service)};
    if (!aws::sign_request(request, credentials_, scope, clock_.now())) abort();
    cloud::CallTrace trace;
    trace.detailed = true;
    return service_.handle(request, trace);
  }

  cloud::Store& store() noexcept { return store_; }
  Timestamp now() const { return clock_.now(); }

 private:
  ManualClock clock_{Timestamp(std::chrono::hours(24 * 20'000))};
  cloud::Store store_;
  attest::Verifier verifier_;
  std::unique_ptr<ledger::DecisionLog> decisions_;
  cloud::CloudService service_;
  aws::Credentials credentials_;
};

}  // namespace cofferdam
