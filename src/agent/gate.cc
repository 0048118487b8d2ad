// SPDX-License-Identifier: Apache-2.0
#include "agent/gate.h"

#include <map>
#include <utility>

#include "agent/reason.h"
#include "base/encoding.h"
#include "base/printable.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

// Of the processor, for compiling and for each decision: everything else waits meanwhile.
constexpr std::chrono::milliseconds kTime{500};

std::unexpected<Error> invalid(const Error& error) {
  return fail(Errc::invalid_input, reason::kConfigInvalid, "[policy]: " + error.detail);
}

Result<json::object> policy_data(const MeasuredConfig& measured, const PolicySpec& spec) {
  if (!spec.data) return json::object();
  auto value = parse_json(measured.text_of(*spec.data), policy::RegoPolicy::kMaxDataSize);
  if (!value) return fail(Errc::invalid_input, *spec.data + ": " + value.error().detail);
  return json::object{{"config", *std::move(value)}};
}

std::map<std::string, std::string> context_of(const json::object& context) {
  std::map<std::string, std::string> out;
  for (const auto& pair : context) {
    out.emplace(pair.key(), std::string_view(pair.value().as_string()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& reasons) {
  std::string out;
  for (const std::string& one : reasons) out += (out.empty() ? ": " : "; ") + printable(one);
  return out;
}

}  // namespace

Result<std::optional<policy::RegoPolicy>> compile_policy(const MeasuredConfig& measured) {
  const auto& spec = measured.config.policy;
  if (!spec) return std::nullopt;
  std::vector<policy::RegoModule> modules;
  for (const std::string& path : spec->modules) {
    modules.push_back({path, std::string(measured.text_of(path))});
  }
  auto data = policy_data(measured, *spec);
  if (!data) return invalid(data.error());
  policy::RegoLimits limits;
  limits.time = kTime;
  auto policy = policy::RegoPolicy::compile(std::move(modules), *std::move(data), limits);
  if (!policy) return invalid(policy.error());
  return *std::move(policy);
}

Task<void> Gate::admit(Caller caller, policy::RequestInput request) {
  if (!policy_) co_return Status();
  const Status outcome = decide(caller, request);
  const ledger::Decision made = decision(caller, request, outcome);
  COFFERDAM_CO_CHECK(parts_.console.record(made));
  COFFERDAM_CO_CHECK(co_await parts_.parent.record(parts_.enclave, made));
  co_return outcome;
}

Status Gate::decide(const Caller& caller, const policy::RequestInput& request) const {
  policy::RegoInput input;
  input.attestation = policy::AttestationInput::of(parts_.enclave.evidence().document());
  input.attestation->name = parts_.enclave.manifest().name;
  input.attestation->release = parts_.enclave.manifest().release;
  input.request = request;
  input.peer = caller;
  input.time = parts_.clock.now();
  const auto answer = policy_->evaluate(kReleaseRule, policy::to_json(input));
  if (!answer) {
    return fail(Errc::denied, reason::kPolicyDenied,
                "the measured policy gave no answer: " + answer.error().detail);
  }
  if (answer->allow) return {};
  return fail(Errc::denied, reason::kPolicyDenied,
              "the measured policy does not allow this (" + std::string(answer->reason) + ")" +
                  joined(answer->reasons));
}

ledger::Decision Gate::decision(const Caller& caller, const policy::RequestInput& request,
                                const Status& outcome) const {
  ledger::Decision out;
  out.time = parts_.clock.now();
  out.component = "agent";
  out.kind = "access";
  out.request_id = to_hex(crypto::random_bytes(16));
  out.allowed = outcome.has_value();
  out.reason = std::string(outcome ? reason::kOk : outcome.error().reason);
  if (!outcome) out.detail = outcome.error().detail;
  out.operation = request.operation.value_or(request.kind);
  out.secret = request.secret.value_or("");
  out.key = request.key.value_or("");
  out.context_digest = ledger::context_digest(context_of(request.context));
  // Not the registers: the ledger's first entry has them, and this is one for each request.
  out.module_id = parts_.enclave.evidence().document().document().module_id;
  out.facts.emplace("interface", request.kind);
  out.facts.emplace("policy", to_hex(policy_->digest()));
  if (!caller) return out;
  out.facts.emplace("uid", std::to_string(caller->uid));
  if (caller->pid) out.facts.emplace("pid", std::to_string(*caller->pid));
  if (caller->executable) out.facts.emplace("executable", *caller->executable);
  if (caller->sha384) out.facts.emplace("executableSha384", to_hex(*caller->sha384));
  return out;
}

}  // namespace cofferdam::agent
