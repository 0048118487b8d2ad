// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "agent/gate.h"
#include "agent/query_text.h"
#include "agent/sealing_service.h"
#include "agent/secret_service.h"
#include "net/http.h"

namespace cofferdam::agent {

// One method of one path; "{name}" stands for a name of the measured configuration.
struct WorkloadRoute {
  std::string_view method;
  std::string_view path;
};

// What the workload may ask of the agent over its Unix socket. The contract is
// docs/openapi/agent.yaml, which a test compares with routes().
//
// Failures are {"error": reason, "detail": text}. Bodies hold secrets: those that come in
// are wiped here, those that go out by the server. Everything but status, health and alive
// asks the policy, with kind "secret" or "state".
//
// For one thread. Borrows everything in Parts.
class WorkloadApi {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    SealingService& sealing;
    Gate& gate;
    const EnclaveClock& clock;
    std::function<void()> alive;  // The workload has said that it works.
  };
  explicit WorkloadApi(Parts parts) : parts_(std::move(parts)) {}

  static std::span<const WorkloadRoute> routes() noexcept;

  Task<net::HttpResponse> handle(net::HttpRequest request, Caller caller);

 private:
  struct Question;
  struct Route;
  static const Route kRoutes[];

  Task<net::HttpResponse> answer(const Route* route, Question question);
  Task<void> admit(const Question& question, std::string_view kind, std::string_view operation);

  Task<net::HttpResponse> status(Question question);
  Task<net::HttpResponse> health(Question question);
  Task<net::HttpResponse> alive(Question question);
  Task<net::HttpResponse> secret(Question question);
  Task<net::HttpResponse> data_key(Question question);
  Task<net::HttpResponse> key_pair(Question question);
  Task<net::HttpResponse> random(Question question);
  Task<net::HttpResponse> derive(Question question);
  Task<net::HttpResponse> seal(Question question);
  Task<net::HttpResponse> unseal(Question question);
  Task<net::HttpResponse> reseal(Question question);
  Task<net::HttpResponse> load_state(Question question);
  Task<net::HttpResponse> store_state(Question question);

  Parts parts_;
};

}  // namespace cofferdam::agent
