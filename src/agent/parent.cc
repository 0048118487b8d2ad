// SPDX-License-Identifier: Apache-2.0
#include "agent/parent.h"

#include <array>
#include <utility>

#include "agent/reason.h"
#include "base/json_secrets.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxManifestSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxCredentialsSize = std::size_t{16} * 1024;

net::HttpRequest make_request(std::string method, std::string target) {
  net::HttpRequest out;
  out.method = std::move(method);
  out.target = std::move(target);
  return out;
}

std::string shown(const net::HttpRequest& request) { return request.method + " " + request.target; }

}  // namespace

Parent::Parent(HttpChannel& channel, SelfAttestor& attestor, const Clock& clock)
    : channel_(channel),
      ledger_([this](std::string line) { return store_line(std::move(line)); }, attestor, clock) {}

Task<Bytes> Parent::get(std::string target, std::size_t max_size, std::string_view reason) {
  net::HttpRequest request = make_request("GET", std::move(target));
  const std::string what = shown(request);
  auto response = co_await channel_.send(std::move(request));
  if (!response)
    co_return fail(response.error().code, reason, what + ": " + response.error().detail);
  if (response->status != 200) {
    const Errc code = response->status == 404 ? Errc::not_found : Errc::unavailable;
    co_return fail(code, reason,
                   what + ": the parent answered with status " + std::to_string(response->status));
  }
  if (response->body.size() > max_size) {
    co_return fail(Errc::invalid_input, reason,
                   what + ": more than " + std::to_string(max_size) + " bytes");
  }
  co_return std::move(response->body);
}

Task<void> Parent::post(std::string target, std::string body, std::string_view reason) {
  net::HttpRequest request = make_request("POST", std::move(target));
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = to_bytes(body);
  return tell(std::move(request), reason);
}

Task<void> Parent::tell(net::HttpRequest request, std::string_view reason) {
  const std::string what = shown(request);
  const auto response = co_await channel_.send(std::move(request));
  if (!response)
    co_return fail(response.error().code, reason, what + ": " + response.error().detail);
  if (response->status != 200 && response->status != 204) {
    co_return fail(Errc::unavailable, reason,
                   what + ": the parent answered with status " + std::to_string(response->status));
  }
  co_return Status();
}

Task<Bytes> Parent::release_manifest(const SelfEvidence&) {
  return get("/v1/release-manifest", kMaxManifestSize, reason::kManifestUnavailable);
}

Task<void> Parent::report_refusal(const SelfEvidence&, const ledger::Decision& decision) {
  return record_refusal(decision);
}

Task<void> Parent::record_refusal(ledger::Decision decision) {
  COFFERDAM_CO_CHECK(co_await ledger_.record(std::move(decision)));
  co_return co_await ledger_.close("refused");
}

Task<void> Parent::heartbeat(const ValidatedEnclave&) {
  return post("/v1/heartbeat", "{}", reason::kParentUnavailable);
}

Task<void> Parent::report_gauges(const ValidatedEnclave&, const Gauges& gauges) {
  return post("/v1/gauges", to_json(gauges), reason::kParentUnavailable);
}

Task<void> Parent::report_exit(const ValidatedEnclave&, const ExitReport& report) {
  return post("/v1/exit", to_json(report), reason::kParentUnavailable);
}

Task<Offer> Parent::offer(const ValidatedEnclave&, std::string name) {
  return fetch_offer(std::move(name));
}

Task<Offer> Parent::fetch_offer(std::string name) {
  const auto body =
      co_await get("/v1/ciphertexts/" + name, kMaxOfferSize, reason::kOfferUnavailable);
  if (!body) co_return std::unexpected(body.error());
  co_return parse_offer(*body);
}

Task<LentCredentials> Parent::lent_credentials(const ValidatedEnclave&) {
  return fetch_credentials();
}

Task<LentCredentials> Parent::fetch_credentials() {
  const auto body =
      co_await get("/v1/credentials", kMaxCredentialsSize, reason::kCredentialsUnavailable);
  if (!body) co_return std::unexpected(body.error());
  co_return parse_lent_credentials(*body);
}

Task<void> Parent::record(const ValidatedEnclave&, const ledger::Decision& decision) {
  return ledger_.record(decision);
}

Task<void> Parent::close_ledger(const ValidatedEnclave&, std::string cause) {
  return ledger_.close(std::move(cause));
}

Task<void> Parent::store_line(std::string line) {
  return post("/v1/ledger", std::move(line), reason::kDecisionNotRecorded);
}

Task<Bytes> Parent::state(const ValidatedEnclave&, std::string name) {
  return fetch_state(std::move(name));
}

Task<Bytes> Parent::fetch_state(std::string name) {
  auto body = co_await get("/v1/state/" + name, kMaxStateSize, reason::kStateUnavailable);
  if (body || body.error().code != Errc::not_found) co_return body;
  co_return fail(Errc::not_found, reason::kStateMissing,
                 "the parent says that it keeps no state " + name);
}

Task<void> Parent::keep_state(const ValidatedEnclave&, std::string name, Bytes sealed) {
  net::HttpRequest request = make_request("PUT", "/v1/state/" + std::move(name));
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.body = std::move(sealed);
  return tell(std::move(request), reason::kStateUnavailable);
}

Result<LentCredentials> parse_lent_credentials(ByteView body) {
  const auto refused = [](const std::string& why) {
    return fail(Errc::invalid_input, reason::kCredentialsUnavailable,
                "the parent's credentials are not what docs/protocol.md says: " + why);
  };
  constexpr std::array<std::string_view, 1> kSecrets{"SecretAccessKey"};
  auto parsed = parse_json_with_secrets(as_text(body), kMaxCredentialsSize, kSecrets,
                                        /*max_depth=*/2);
  if (!parsed) return refused(parsed.error().detail);
  if (!parsed->value.is_object()) return refused("not an object");
  const json::object& object = parsed->value.get_object();
  const auto id = required_string(object, "AccessKeyId");
  const auto secret = parsed->secrets.find(kSecrets[0]);
  const auto token = optional_string(object, "Token");
  if (!id || secret == parsed->secrets.end() || !token || id->empty() || secret->second.empty()) {
    return refused("AccessKeyId, SecretAccessKey or Token is missing, empty or not a string");
  }
  LentCredentials out;
  out.credentials = {*id, std::move(secret->second), token->value_or("")};
  const auto expiration = optional_string(object, "Expiration");
  if (!expiration) return refused("Expiration is not a string");
  if (*expiration) {
    const auto time = parse_rfc3339(**expiration);
    if (!time) return refused("Expiration is not a time");
    out.expiration = *time;
  }
  return out;
}

Result<aws::Credentials> parse_credentials(ByteView body) {
  COFFERDAM_TRY(LentCredentials lent, parse_lent_credentials(body));
  return std::move(lent.credentials);
}

}  // namespace cofferdam::agent
