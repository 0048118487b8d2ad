// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attest/release_manifest.h"
#include "base/test_folder.h"
#include "broker/token_service.h"
#include "crypto/certificate_builder.h"
#include "nsm/authority.h"
#include "nsm/module.h"

// For tests and benchmarks only: a broker without sockets, and enclaves that ask it.
namespace cofferdam::broker::test {

inline constexpr Timestamp kNow{std::chrono::seconds(1769860800)};  // 2026-01-31T12:00:00Z
inline constexpr const char* kRole = "arn:aws:iam::111122223333:role/signer";

inline attest::Pcrs measured(std::uint8_t seed) {
  attest::Pcrs out;
  for (const int index : {0, 1, 2, 8}) {
    out[static_cast<std::uint8_t>(index)] = Bytes(48, static_cast<std::uint8_t>(seed + index));
  }
  return out;
}

inline attest::TokenRequest a_request() {
  return {.audience = "sts.amazonaws.com",
          .role = kRole,
          .session_name = "enclave-1",
          .duration_seconds = 900};
}

// An enclave under a root, with a key that its documents name.
class Enclave {
 public:
  Enclave(const nsm::Authority& authority, const Clock& clock, nsm::BootState state,
          crypto::Curve curve = crypto::Curve::p384)
      : module_(nsm::Module::boot(authority, clock, std::move(state)).value()),
        key_(crypto::EcPrivateKey::generate(curve).value()) {}

  Bytes document(nsm::AttestationRequest fields) {
    return std::get<nsm::AttestationResponse>(module_.handle(std::move(fields))).document;
  }
  Application ask(const attest::TokenChallenge& challenge, const attest::TokenRequest& request) {
    return {.document = document({.user_data = to_bytes(request.digest()),
                                  .nonce = to_bytes(challenge),
                                  .public_key = key_.public_key().spki()}),
            .proof = attest::sign_token_proof(key_, challenge, request).value(),
            .request = request};
  }
  const crypto::EcPrivateKey& key() const { return key_; }

 private:
  nsm::Module module_;
  crypto::EcPrivateKey key_;
};

class RecordingLog final : public ledger::DecisionLog {
 public:
  Status record(const ledger::Decision& decision) override {
    if (broken) return fail(Errc::unavailable, "disk full");
    decisions.push_back(decision);
    return {};
  }
  bool broken = false;
  std::vector<ledger::Decision> decisions;
};

// Allows the enclaves of measured(1) to take kRole for up to an hour.
inline std::vector<policy::RegoModule> field_policy() {
  return {{.name = "identity.rego",
           .text = read_text_file("deploy/policies/identity.rego", 1 << 20).value()}};
}
inline json::object field_data() {
  return {{"config",
           {{"identity",
             {{"pcr8", registers_of(measured(1)).at("8")},
              {"roles", json::array{kRole}},
              {"sessionPrefix", "enclave-"}}}}}};
}

inline policy::ReloadablePolicy compiled(std::vector<policy::RegoModule> modules,
                                         json::object data) {
  // Time of the sanitizers is not what is tested.
  const policy::RegoLimits limits{.time = std::chrono::seconds(5)};
  return policy::ReloadablePolicy(
      policy::RegoPolicy::compile(std::move(modules), std::move(data), limits).value());
}

class Lab {
 public:
  explicit Lab(std::string issuer = "https://broker.example.com", Timestamp now = kNow)
      : clock(now), settings_(settings(std::move(issuer))) {}

  static TokenSettings settings(std::string issuer) {
    TokenSettings out;
    out.issuer = std::move(issuer);
    out.audiences = {"sts.amazonaws.com"};
    out.admit_unknown_releases = true;
    return out;
  }

  Enclave enclave(std::uint8_t seed = 1) {
    return Enclave(authority, clock, {.pcrs = measured(seed)});
  }
  Result<IssuedToken> ask(Enclave& enclave, const attest::TokenRequest& request = a_request()) {
    return tokens.issue(enclave.ask(tokens.challenge(), request), "req-1");
  }
  // "ok" or the reason.
  static std::string verdict(const Result<IssuedToken>& issued) {
    return issued ? "ok" : std::string(issued.error().reason);
  }
  std::string verdict_on(Enclave& enclave, const attest::TokenRequest& request = a_request()) {
    return verdict(ask(enclave, request));
  }

  TestFolder folder;
  ManualClock clock;
  nsm::Authority authority = nsm::Authority::open(folder.path("nsm"), clock).value();
  attest::Verifier verifier{attest::TrustRoot::from_der(authority.root_der()).value()};
  SigningKeys keys = SigningKeys::open(folder.path("keys"), {}, clock.now()).value();
  policy::ReloadablePolicy policy = compiled(field_policy(), field_data());
  RecordingLog log;

 private:
  TokenSettings settings_;

 public:
  TokenService tokens{settings_, verifier, keys, policy, log, clock};
};

}  // namespace cofferdam::broker::test
