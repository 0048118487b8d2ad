// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/secret_service.h"
#include "net/http.h"

namespace cofferdam::agent {

// What the workload may ask of the agent over its Unix socket (docs/protocol.md):
//   GET  /v1/secrets/NAME    the secret's bytes
//   POST /v1/data-keys/NAME  {"key": base64, "ciphertext": base64}
//   GET  /v1/status          who this enclave is
// Failures are {"error": reason, "detail": text}. Bodies hold secrets: the server wipes
// them once they are sent.
//
// Borrows both.
class WorkloadApi {
 public:
  WorkloadApi(const ValidatedEnclave& enclave, SecretService& secrets, const EnclaveClock& clock)
      : enclave_(enclave), secrets_(secrets), clock_(clock) {}

  Task<net::HttpResponse> handle(net::HttpRequest request);

 private:
  Task<net::HttpResponse> secret(std::string name);
  Task<net::HttpResponse> data_key(std::string name);
  net::HttpResponse status() const;

  const ValidatedEnclave& enclave_;
  SecretService& secrets_;
  const EnclaveClock& clock_;
};

}  // namespace cofferdam::agent
