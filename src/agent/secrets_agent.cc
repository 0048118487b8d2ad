// SPDX-License-Identifier: Apache-2.0
#include "agent/secrets_agent.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "agent/local_server.h"
#include "agent/query_text.h"
#include "agent/reason.h"
#include "agent/secret_answer.h"
#include "base/encoding.h"
#include "base/printable.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kGetPath = "/secretsmanager/get";
constexpr std::string_view kPathPrefix = "/v1/";
constexpr std::string_view kCurrent = "AWSCURRENT";

net::HttpResponse plain(unsigned status, std::string_view text) {
  return net::text_response(status, "text/plain", text);
}

net::HttpResponse service_error(unsigned status, std::string_view type, std::string_view message) {
  const json::object body{{"__type", type}, {"message", message}};
  return net::json_response(status, json::serialize(body));
}

// As Secrets Manager's own client reports what went wrong on the way.
net::HttpResponse service_error(const Error& error) {
  switch (error.code) {
    case Errc::denied:
      return service_error(400, "AccessDeniedException", error.detail);
    case Errc::not_found:
    case Errc::invalid_input:
      return service_error(400, "ResourceNotFoundException", error.detail);
    case Errc::deadline_exceeded:
      return service_error(504, "TimeoutError", "Timeout");
    case Errc::unauthenticated:
    case Errc::unavailable:
      return service_error(502, "ConnectionError", error.detail);
    case Errc::internal:
      break;
  }
  return service_error(500, "InternalFailure", "");
}

Result<bool> parse_flag(const std::string& text) {
  const std::string lower = to_lower(text);
  if (lower == "true" || lower == "1") return true;
  if (lower == "false" || lower == "0") return false;
  return fail(Errc::invalid_input, "invalid refreshNow value");
}

Status take_parameters(const Target& target, SecretsAgentQuery* out, bool by_query) {
  for (const auto& [name, value] : target.query) {
    if (by_query && name == "secretId") {
      out->secret_id = value;
    } else if (name == "versionId") {
      out->version_id = value;
    } else if (name == "versionStage") {
      out->version_stage = value;
    } else if (name == "refreshNow") {
      COFFERDAM_TRY(out->refresh_now, parse_flag(value));
    } else {
      return fail(Errc::invalid_input, "unknown parameter: " + printable(name));
    }
  }
  return {};
}

// A UUID in form, which names one fetched value without telling anything of it.
std::string version_id(const SecretSpec& spec, Timestamp fetched) {
  const std::string when = format_rfc3339(fetched);
  const auto digest = crypto::sha384({as_bytes("cofferdam/secret-version/v1"), as_bytes(spec.name),
                                      as_bytes("@"), as_bytes(when)});
  const std::string hex = to_hex(ByteView(digest).first(16));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

// "1569534789.046", a text as the agent writes it.
std::string seconds_text(Timestamp time) {
  const auto count = time.time_since_epoch().count();
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%lld.%03lld", static_cast<long long>(count / 1000),
                static_cast<long long>(count % 1000));
  return out.data();
}

}  // namespace

Result<SecretsAgentQuery> SecretsAgentQuery::parse(std::string_view text) {
  COFFERDAM_TRY(const Target target, Target::parse(text));
  SecretsAgentQuery out;
  const bool by_query = target.path == kGetPath;
  if (!by_query && !target.path.starts_with(kPathPrefix)) {
    return fail(Errc::not_found, "Not found");
  }
  if (!by_query) out.secret_id = target.path.substr(kPathPrefix.size());
  COFFERDAM_CHECK(take_parameters(target, &out, by_query));
  if (!out.secret_id.empty()) return out;
  return fail(Errc::invalid_input, by_query ? "missing parameter secretId" : "missing secret ID");
}

std::optional<net::HttpResponse> SecretsAgent::refuse_outright(
    const net::HttpRequest& request) const {
  if (!check_loopback_request(request)) return plain(400, "Forwarded");
  if (!is_token(net::header(request.headers, kSecretsTokenHeader), token_)) {
    return plain(403, "Bad Token");
  }
  if (request.method != "GET") return plain(405, "Not allowed");
  return std::nullopt;
}

Task<net::HttpResponse> SecretsAgent::handle(net::HttpRequest request, Caller caller) {
  if (request.target == "/ping" && request.method == "GET") co_return plain(200, "healthy");
  if (auto refused = refuse_outright(request)) co_return *std::move(refused);
  auto query = SecretsAgentQuery::parse(request.target);
  if (!query) {
    co_return plain(query.error().code == Errc::not_found ? 404 : 400, query.error().detail);
  }
  auto answered = co_await get(*std::move(query), std::move(caller));
  if (!answered) co_return service_error(answered.error());
  co_return *std::move(answered);
}

Task<net::HttpResponse> SecretsAgent::get(SecretsAgentQuery query, Caller caller) {
  const SecretSpec* const spec = find(query.secret_id);
  if (spec == nullptr) {
    co_return fail(Errc::not_found, reason::kNoSuchSecret,
                   "Secrets Manager can't find the specified secret: the measured configuration "
                   "declares no secret of this name that stays the same.");
  }
  policy::RequestInput question;
  question.kind = "secret";
  question.operation = "GetSecretValue";
  question.secret = spec->name;
  question.key = spec->key_arn;
  COFFERDAM_CO_CHECK(co_await parts_.gate.admit(std::move(caller), std::move(question)));
  auto value =
      query.refresh_now ? parts_.secrets.refresh(spec->name) : parts_.secrets.secret(spec->name);
  COFFERDAM_CO_TRY(const Secret current, co_await std::move(value));
  co_return answer(*spec, query, current);
}

const SecretSpec* SecretsAgent::find(std::string_view secret_id) const {
  const auto& secrets = parts_.enclave.config().secrets;
  const auto found = std::ranges::find_if(secrets, [&](const SecretSpec& spec) {
    return spec.is_stable() && (spec.name == secret_id || arn_of(spec) == secret_id);
  });
  return found == secrets.end() ? nullptr : &*found;
}

// Partial, as Secrets Manager takes it: six random characters of its own would follow.
std::string SecretsAgent::arn_of(const SecretSpec& spec) const {
  // arn:aws:kms:us-east-1:111122223333:key/… names partition, Region and account.
  const std::size_t service = spec.key_arn.find(":kms:");
  const std::string_view key = spec.key_arn;
  return std::string(key.substr(0, service)) +
         ":secretsmanager:" + std::string(key.substr(service + 5, key.rfind(':') - service - 5)) +
         ":secret:" + spec.name;
}

Result<net::HttpResponse> SecretsAgent::answer(const SecretSpec& spec,
                                               const SecretsAgentQuery& query,
                                               const Secret& value) const {
  const auto& fetched = parts_.secrets.figures().fetched;
  const auto when = fetched.find(spec.name);
  if (when == fetched.end()) return fail(Errc::internal, "the secret has no time of release");
  const std::string version = version_id(spec, when->second);
  if (query.version_id.value_or(version) != version ||
      query.version_stage.value_or(std::string(kCurrent)) != kCurrent) {
    return fail(Errc::not_found, reason::kNoSuchSecret,
                "Secrets Manager can't find the specified secret value: there is AWSCURRENT only.");
  }
  const json::object members{{"ARN", arn_of(spec)},
                             {"Name", spec.name},
                             {"VersionId", version},
                             {"VersionStages", json::array{kCurrent}},
                             {"CreatedDate", seconds_text(when->second)}};
  auto text = json_escaped(value);
  std::vector<SecretMember> secrets;
  if (text) {
    secrets.push_back({"SecretString", *std::move(text)});
  } else {
    secrets.push_back({"SecretBinary", secret_to_base64(value)});
  }
  return secret_json_response("application/json", members, secrets);
}

}  // namespace cofferdam::agent
