// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "channel/admission.h"
#include "channel/messages.h"
#include "channel/server.h"

namespace cofferdam::channel {

// One connection of a Server: who is known to be at the other end, and what it asks.
// For server.cc and tests.
class Session {
 public:
  struct Shared {
    Server::Parts parts;
    const ServerOptions& options;
    Admission& admission;
  };
  // `certificate` is what the client showed; empty if nothing.
  Session(Shared shared, net::TlsExporter exporter, Bytes certificate);

  Task<net::HttpResponse> handle(net::HttpRequest request);

 private:
  // Whom the certificate alone stands for.
  void identify();
  void identify_enclave();

  Task<net::HttpResponse> attest(net::HttpRequest request);
  Task<net::HttpResponse> present(net::HttpRequest request);
  Result<std::string> judge_presentation(const Answer& answer) const;
  Task<net::HttpResponse> request(net::HttpRequest request);

  // Takes these by reference: request() waits for it.
  Task<AuthenticClient> authenticate(const net::HttpRequest& request, const RequestClaim& claim);
  Task<AuthenticClient> check_mac(const net::HttpRequest& request, const RequestClaim& claim);
  Task<void> record(std::string operation, std::string id, std::string client, Status verdict);

  const DeclaredClient* find(std::string_view name) const noexcept;

  Shared shared_;
  net::TlsExporter exporter_;
  Bytes certificate_;
  Challenge challenge_{};
  bool shows_evidence_ = false;
  std::optional<AuthenticClient> client_;  // By certificate or evidence.
  Status standing_;                        // Why the certificate stands for nobody.
  std::size_t challenges_answered_ = 0;
  bool failed_to_authenticate_ = false;
};

}  // namespace cofferdam::channel
