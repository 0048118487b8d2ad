// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include "agent/secret_service.h"
#include "net/http.h"

namespace cofferdam::agent {

// What the workload may ask of the agent over its Unix socket (docs/protocol.md):
//   GET  /v1/secrets/NAME    the secret's bytes
//   POST /v1/data-keys/NAME  {"key": base64, "ciphertext": base64}
//   GET  /v1/status          who this enclave is
//   POST /v1/watchdog        the workload works; see [workload] watchdog
// Failures are {"error": reason, "detail": text}. Bodies hold secrets: the server wipes
// them once they are sent.
//
// Borrows both.
class WorkloadApi {
 public:
  WorkloadApi(const ValidatedEnclave& enclave, SecretService& secrets, const EnclaveClock& clock)
      : enclave_(enclave), secrets_(secrets), clock_(clock) {}

  Task<net::HttpResponse> handle(net::HttpRequest request);

  // Called when the workload says that it works (POST /v1/watchdog).
  void on_watchdog(std::function<void()> alive) { alive_ = std::move(alive); }

 private:
  Task<net::HttpResponse> secret(std::string name);
  Task<net::HttpResponse> data_key(std::string name);
  net::HttpResponse status() const;

  const ValidatedEnclave& enclave_;
  SecretService& secrets_;
  const EnclaveClock& clock_;
  std::function<void()> alive_;
};

}  // namespace cofferdam::agent
