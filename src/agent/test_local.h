// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/gate.h"
#include "agent/test_kms.h"
#include "base/json.h"

// Shared by the tests of the workload's interfaces.
namespace cofferdam::agent::test {

inline constexpr std::string_view kPolicyPath = "/etc/cofferdam/policy.rego";

// A release and the gate before it. `rego` is the measured policy; empty for none.
struct LocalLab {
  explicit LocalLab(std::string extra_config = "", std::string_view rego = "",
                    std::map<std::string, std::string> files = {})
      : release(setup(std::move(extra_config), rego, std::move(files))),
        gate({*release.validated, release.enclave.parent, release.enclave.clock,
              release.enclave.console},
             compile_policy(release.enclave.measured).value()) {}

  static TestEnclave::Setup setup(std::string extra_config, std::string_view rego,
                                  std::map<std::string, std::string> files) {
    TestEnclave::Setup out;
    if (!rego.empty()) {
      extra_config += "[policy]\nrego = [\"" + std::string(kPolicyPath) + "\"]\n";
      files.emplace(kPolicyPath, rego);
    }
    out.extra_config = std::move(extra_config);
    out.files = std::move(files);
    return out;
  }

  const ledger::Decision& last_decision() const { return release.enclave.console.decisions.back(); }

  TestRelease release;
  Gate gate;
};

// A process of user 1000.
inline Caller some_caller() {
  policy::PeerInput out;
  out.uid = 1000;
  out.executable = "/usr/bin/app";
  return out;
}

inline net::HttpRequest local_request(std::string method, std::string target,
                                      net::Headers headers = {}, std::string_view body = "") {
  net::HttpRequest out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.headers = std::move(headers);
  out.headers.emplace_back("Host", "127.0.0.1:8080");
  out.body = to_bytes(body);
  return out;
}

inline json::object body_of(const net::HttpResponse& response) {
  return parse_json(as_text(response.body), 65'536).value().as_object();
}

}  // namespace cofferdam::agent::test
