// SPDX-License-Identifier: Apache-2.0
#include "broker/token_service.h"

#include <algorithm>
#include <utility>

#include "attest/reason.h"
#include "base/encoding.h"
#include "broker/reason.h"
#include "crypto/digest.h"
#include "crypto/ec.h"
#include "crypto/random.h"
#include "jose/public_jwk.h"
#include "policy/rego_input.h"

namespace cofferdam::broker {
namespace {

constexpr std::string_view kRule = "data.cofferdam.identity.allow";

std::unexpected<Error> refuse(std::string_view reason, std::string detail) {
  return std::unexpected(
      Error{.code = Errc::denied, .detail = std::move(detail), .reason = reason});
}

policy::RegoInput input_of(const attest::VerifiedDocument& document,
                           const std::optional<Release>& release,
                           const attest::TokenRequest& request, Timestamp now) {
  policy::RegoInput out;
  out.attestation = policy::AttestationInput::of(document);
  if (release) {
    out.attestation->name = release->name;
    out.attestation->release = release->number;
  }
  out.request.kind = "identity";
  out.request.audience = request.audience;
  out.request.role = request.role;
  out.request.session_name = request.session_name;
  if (request.duration_seconds) {
    out.request.duration = std::chrono::seconds(*request.duration_seconds);
  }
  out.time = now;
  return out;
}

// The key that asks, if the document and the proof are for this challenge and this request.
Result<crypto::EcPublicKey> check_binding(const attest::Document& document,
                                          const attest::TokenChallenge& challenge,
                                          const Application& application) {
  const crypto::Sha384 digest = application.request.digest();
  if (!document.user_data || !std::ranges::equal(*document.user_data, digest)) {
    return refuse(attest::reason::kUserDataMismatch,
                  "the document was made for another request: its user_data is not the digest");
  }
  const auto invalid = [](std::string detail) {
    return refuse(reason::kProofInvalid, std::move(detail));
  };
  if (!document.public_key) return invalid("the document has no public_key");
  auto key = crypto::EcPublicKey::from_spki(*document.public_key);
  if (!key || key->curve() == crypto::Curve::p521) {
    return invalid("the document's public_key is no P-256 or P-384 key");
  }
  if (!attest::verify_token_proof(*key, challenge, application.request, application.proof)) {
    return invalid("the proof is not of the document's key over this challenge and request");
  }
  return key;
}

std::string joined(const std::vector<std::string>& reasons) {
  std::string out;
  for (const std::string& reason : reasons) out += (out.empty() ? "" : "; ") + reason;
  return out.empty() ? "the policy does not allow it" : out;
}

ledger::Decision decision_about(const Application& application,
                                const attest::VerifiedDocument& document, Timestamp now) {
  ledger::Decision out;
  out.time = now;
  out.component = "broker";
  out.kind = "identity";
  out.operation = "token";
  out.principal = application.request.role.value_or("");
  out.module_id = document.document().module_id;
  out.document_digest = to_hex(crypto::sha384(application.document));
  for (const auto& [index, value] : registers_of(document.document().pcrs)) {
    out.pcrs[std::stoi(std::string(index))] = std::string(value.as_string());
  }
  out.facts["audience"] = application.request.audience;
  out.facts["algorithm"] = application.request.algorithm;
  if (application.request.session_name) {
    out.facts["sessionName"] = *application.request.session_name;
  }
  return out;
}

}  // namespace

// What signing needs to know of a request that was allowed.
struct TokenService::Judged {
  std::optional<Release> release;
  attest::Pcrs pcrs;
  std::string key_thumbprint;
};

TokenService::TokenService(TokenSettings settings, const attest::Verifier& verifier,
                           SigningKeys& keys, const policy::ReloadablePolicy& policy,
                           ledger::DecisionLog& decisions, const Clock& clock)
    : settings_(std::make_shared<const TokenSettings>(std::move(settings))),
      verifier_(verifier),
      keys_(keys),
      policy_(policy),
      decisions_(decisions),
      clock_(clock) {}

std::shared_ptr<const TokenSettings> TokenService::settings() const {
  const std::scoped_lock lock(mutex_);
  return settings_;
}

void TokenService::reload(TokenSettings settings) {
  auto next = std::make_shared<const TokenSettings>(std::move(settings));
  const std::scoped_lock lock(mutex_);
  settings_ = std::move(next);
}

std::string TokenService::issuer() const { return settings()->issuer; }

attest::TokenChallenge TokenService::challenge() { return challenges_.issue(clock_.now()); }

Result<IssuedToken> TokenService::issue(const Application& application,
                                        const std::string& request_id) {
  const auto settings = this->settings();
  const Timestamp now = clock_.now();
  COFFERDAM_TRY(const auto document, authenticate(application, *settings, now));
  ledger::Decision decision = decision_about(application, document, now);
  decision.request_id = request_id;
  auto issued = decide(application, *settings, document, decision);
  decision.allowed = issued.has_value();
  if (issued) {
    decision.reason = "ok";
  } else {
    // What the policy's own code says in more detail stays.
    if (decision.reason.empty()) decision.reason = issued.error().reason;
    decision.detail = issued.error().detail;
  }
  COFFERDAM_CHECK(record(decision));
  return issued;
}

Result<attest::VerifiedDocument> TokenService::authenticate(const Application& application,
                                                            const TokenSettings& settings,
                                                            Timestamp now) const {
  const attest::Expectations expected{
      .at = now, .max_age = settings.skew, .future_tolerance = settings.skew};
  return verifier_.verify(application.document, expected);
}

Result<IssuedToken> TokenService::decide(const Application& application,
                                         const TokenSettings& settings,
                                         const attest::VerifiedDocument& verified,
                                         ledger::Decision& decision) {
  const attest::Document& document = verified.document();
  const ByteView nonce = document.nonce ? ByteView(*document.nonce) : ByteView();
  COFFERDAM_TRY(const auto challenge, challenges_.consume(nonce, decision.time));
  COFFERDAM_TRY(const auto key, check_binding(document, challenge, application));
  if (std::ranges::find(settings.audiences, application.request.audience) ==
      settings.audiences.end()) {
    return refuse(reason::kAudienceNotAllowed, "no token is issued for this audience");
  }
  Judged judged{.release = settings.releases.find(document.pcrs, decision.time),
                .pcrs = document.pcrs,
                .key_thumbprint = {}};
  if (!judged.release && (!settings.admit_unknown_releases || !document.pcrs.contains(0))) {
    return refuse(reason::kUnknownRelease, "no release manifest has these measurements");
  }
  decision.facts["subject"] = subject_of(judged.release, judged.pcrs);
  const auto policy = policy_.current();
  decision.facts["policy"] = to_hex(policy->digest());
  const auto input = input_of(verified, judged.release, application.request, decision.time);
  const auto answer = policy->evaluate(kRule, policy::to_json(input));
  if (!answer || !answer->allow) {
    decision.reason = answer ? answer->reason : answer.error().reason;
    return refuse(reason::kPolicyDenied,
                  answer ? joined(answer->reasons) : "the policy could not be evaluated");
  }
  COFFERDAM_TRY(const json::object jwk, jose::public_jwk(key.spki()));
  judged.key_thumbprint = jose::thumbprint(jwk);
  return sign(application, settings, judged, decision);
}

Result<IssuedToken> TokenService::sign(const Application& application,
                                       const TokenSettings& settings, const Judged& judged,
                                       ledger::Decision& decision) const {
  const auto issued = std::chrono::floor<std::chrono::seconds>(decision.time);
  const TokenFacts facts{.issuer = settings.issuer,
                         .audience = application.request.audience,
                         .release = judged.release,
                         .pcrs = judged.pcrs,
                         .key_thumbprint = judged.key_thumbprint,
                         .token_id = to_base64url(crypto::random_bytes(16)),
                         .issued = issued,
                         .expires = issued + settings.token_lifetime};
  const auto algorithm = application.request.algorithm == "RS256" ? SigningKeys::Algorithm::rs256
                                                                  : SigningKeys::Algorithm::es256;
  COFFERDAM_TRY(std::string token, keys_.sign(algorithm, claims_of(facts), decision.time));
  decision.facts["tokenId"] = facts.token_id;
  return IssuedToken{.token = std::move(token), .expires = facts.expires};
}

Status TokenService::record(const ledger::Decision& decision) {
  const std::scoped_lock lock(record_mutex_);
  return decisions_.record(decision);
}

}  // namespace cofferdam::broker
