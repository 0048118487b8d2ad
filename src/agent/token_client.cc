// SPDX-License-Identifier: Apache-2.0
#include "agent/token_client.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <utility>

#include "agent/reason.h"
#include "base/encoding.h"
#include "base/json_secrets.h"
#include "base/printable.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxChallengeAnswer = 4096;
constexpr std::size_t kMaxTokenAnswer = std::size_t{32} * 1024;
constexpr std::size_t kMaxErrorAnswer = 4096;
constexpr std::size_t kMaxToken = 20'000;  // STS takes no longer one.
constexpr std::array<std::string_view, 1> kSecrets{"token"};

// The three parts of a compact JWS (RFC 7515) have no other characters.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// The broker's own code, such as "policy_denied".
std::string error_code(const net::HttpResponse& response) {
  const auto body = parse_json(as_text(response.body), kMaxErrorAnswer, /*max_depth=*/4);
  if (!body || !body->is_object()) return {};
  return required_string(body->get_object(), "error").value_or("");
}

// Another challenge may find the broker in a better state. All else it has decided.
bool may_pass(unsigned status, std::string_view code) {
  return status >= 500 || status == 429 || code == "challenge_unknown";
}

std::unexpected<Error> refusal(const net::HttpResponse& response) {
  const std::string code = error_code(response);
  const std::string detail =
      "the broker gave no token: " +
      (code.empty() ? "status " + std::to_string(response.status) : printable(code));
  if (may_pass(response.status, code)) {
    return fail(Errc::unavailable, reason::kIdentityTokenFailed, detail);
  }
  return fail(Errc::denied, reason::kIdentityTokenRefused, detail);
}

// {"token": JWT, "expiresAt": time}; STS judges the time.
Result<Secret> read_token(ByteView body) {
  auto parsed = parse_json_with_secrets(as_text(body), kMaxTokenAnswer, kSecrets, /*max_depth=*/4);
  const auto found = parsed ? parsed->secrets.find(kSecrets[0]) : JsonSecrets::iterator();
  if (!parsed || found == parsed->secrets.end() || !is_token(as_text(found->second.reveal()))) {
    return fail(Errc::invalid_input, reason::kIdentityTokenFailed,
                "the broker's answer has no token of at most 20000 characters");
  }
  return std::move(found->second);
}

Bytes request_body(const attest::TokenRequest& request, const OwnDocument& document,
                   const Bytes& proof) {
  json::object out{{"document", to_base64(document.bytes)},
                   {"audience", request.audience},
                   {"algorithm", request.algorithm},
                   {"proof", to_base64(proof)}};
  if (request.role) out["role"] = *request.role;
  if (request.session_name) out["sessionName"] = *request.session_name;
  if (request.duration_seconds) out["durationSeconds"] = *request.duration_seconds;
  return to_bytes(json::serialize(out));
}

}  // namespace

Task<BrokerToken> TokenClient::fetch(const ValidatedEnclave&, attest::TokenRequest request) {
  return fetch(std::move(request));
}

Task<BrokerToken> TokenClient::fetch(attest::TokenRequest request) {
  COFFERDAM_CO_TRY(const attest::TokenChallenge challenge, co_await this->challenge());
  COFFERDAM_CO_TRY(const auto key, crypto::EcPrivateKey::generate(crypto::Curve::p256));
  SelfAttestor::Wish wish;
  wish.public_key = key.public_key().spki();
  wish.user_data = to_bytes(request.digest());
  wish.nonce = to_bytes(challenge);
  COFFERDAM_CO_TRY(const OwnDocument document, attestor_.attest(wish));
  COFFERDAM_CO_TRY(const Bytes proof, attest::sign_token_proof(key, challenge, request));
  auto response = co_await post("/v1/token", request_body(request, document, proof),
                                reason::kIdentityTokenFailed);
  if (!response) co_return std::unexpected(response.error());
  if (response->status != 200) co_return refusal(*response);
  auto token = read_token(response->body);
  wipe(response->body);
  if (!token) co_return std::unexpected(token.error());
  co_return BrokerToken{.jwt = *std::move(token), .document_digest = document.digest()};
}

Task<attest::TokenChallenge> TokenClient::challenge() {
  constexpr std::string_view kReason = reason::kIdentityChallenge;
  const auto response = co_await post("/v1/challenge", Bytes(), kReason);
  if (!response) co_return std::unexpected(response.error());
  if (response->status != 200) {
    co_return fail(Errc::unavailable, kReason,
                   "the broker gave no challenge: status " + std::to_string(response->status));
  }
  const auto body = parse_json(as_text(response->body), kMaxChallengeAnswer, /*max_depth=*/4);
  const auto text = body && body->is_object()
                        ? required_string(body->get_object(), "challenge").value_or("")
                        : std::string();
  const auto bytes = from_base64url(text);
  attest::TokenChallenge out{};
  if (!bytes || bytes->size() != out.size()) {
    co_return fail(Errc::invalid_input, kReason,
                   "the broker's challenge is not the base64url of 32 bytes");
  }
  std::ranges::copy(*bytes, out.begin());
  co_return out;
}

Task<net::HttpResponse> TokenClient::post(std::string target, Bytes body, std::string_view reason) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(body);
  auto response = co_await broker_.send(std::move(request));
  if (response) co_return response;
  Error error = std::move(response).error();
  if (error.reason.empty()) error.reason = reason;
  co_return wrap("calling the broker", std::move(error));
}

}  // namespace cofferdam::agent
