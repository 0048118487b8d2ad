// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "cloud/api_error.h"
#include "cloud/sts_core.h"
#include "cloud/xml_text.h"
#include "jose/jwt.h"
#include "policy/arn.h"

namespace cofferdam::cloud::sts {
namespace {

constexpr std::string_view kTagsClaim = "https://aws.amazon.com/tags";
constexpr std::string_view kSourceIdentityClaim = "https://aws.amazon.com/source_identity";

std::unexpected<Error> invalid_token(std::string text) {
  return fail(Errc::unauthenticated, query::kInvalidIdentityToken, std::move(text));
}

std::unexpected<Error> not_authorized() {
  return fail(Errc::denied, api::kAccessDenied,
              "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

std::unexpected<Error> not_a_jwt() {
  return invalid_token(
      "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access "
      "Token)");
}

std::int64_t to_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

// When a token that was refused for it says it expired.
std::string expiry_of(std::string_view token) {
  const auto jws = jose::parse_jws(token);
  const auto claims = jws ? parse_json(as_text(jws->payload), jose::kMaxTokenSize)
                          : Result<json::value>(json::value());
  if (!claims || !claims->is_object()) return {};
  const json::value* exp = claims->get_object().if_contains("exp");
  return exp != nullptr && exp->is_number() ? std::to_string(exp->to_number<std::int64_t>()) : "";
}

std::unexpected<Error> token_error(const Error& error, std::string_view token, Timestamp now) {
  if (error.reason == jose::reason::kExpired) {
    return fail(Errc::denied, query::kExpiredWebToken,
                "Token expired: current date/time " + std::to_string(to_seconds(now)) +
                    " must be before the expiration date/time " + expiry_of(token));
  }
  if (error.reason == jose::reason::kWrongAudience)
    return invalid_token("Incorrect token audience");
  if (error.reason == jose::reason::kMalformed) return not_a_jwt();
  if (error.reason == jose::reason::kNotYetValid) {
    return invalid_token("Token is not valid yet: its iat or nbf is in the future");
  }
  return invalid_token("The signature of the token could not be verified");
}

// The keys that tokens of this issuer are signed with.
Result<std::shared_ptr<const jose::KeySet>> keys_of(IssuerKeys& issuers, std::string_view issuer,
                                                    const jose::UnverifiedJws& jws) {
  auto keys = issuers.find(issuer);
  if (!keys && keys.error().code != Errc::invalid_input) {
    return fail(Errc::unavailable, query::kIdpCommunicationError,
                "The request could not be fulfilled because the identity provider (IDP) that was "
                "asked to verify the incoming identity token could not be reached.");
  }
  const auto key_id = jws.key_id ? std::optional<std::string_view>(*jws.key_id) : std::nullopt;
  if (!keys || (*keys)->find(key_id) == nullptr) {
    return invalid_token(
        "Couldn't retrieve verification key from your identity provider,  please reference "
        "AssumeRoleWithWebIdentity documentation for requirements");
  }
  return keys;
}

struct VerifiedToken {
  jose::Claims claims;
  OidcProvider provider;
  std::string audience;
};

Result<VerifiedToken> verify(StsCore& core, const Call& call, std::string_view token,
                             std::string_view role_arn) {
  const auto issuer = jose::claimed_issuer(token);
  const auto jws = jose::parse_jws(token);
  const auto role = policy::parse_arn(role_arn);
  if (!issuer || !jws) return not_a_jwt();
  if (!role) {
    return fail(Errc::invalid_input, query::kValidation, std::string(role_arn) + " is invalid");
  }
  COFFERDAM_TRY(auto provider, core.iam().find_provider("arn:aws:iam::" + role->account +
                                                        ":oidc-provider/" + provider_url(*issuer)));
  if (!provider) {
    return invalid_token("No OpenIDConnect provider found in your account for " + *issuer);
  }
  COFFERDAM_TRY(const auto keys, keys_of(core.issuers(), *issuer, *jws));
  auto claims = jose::verify_token(
      token, *keys, {.issuer = *issuer, .audiences = provider->client_ids, .now = call.now});
  if (!claims) return token_error(claims.error(), token, call.now);
  std::string audience = claims->authorized_party.value_or(claims->audiences.front());
  return VerifiedToken{.claims = *std::move(claims),
                       .provider = *std::move(provider),
                       .audience = std::move(audience)};
}

std::unexpected<Error> bad_tags() {
  return fail(Errc::invalid_input, query::kIdpRejectedClaim,
              "The session tags of the token are malformed");
}

// One text under each name, in a list: {"principal_tags": {"Team": ["Blue"]},
// "transitive_tag_keys": ["Team"]}.
Status read_tags(const json::object& claims, Session& session) {
  const json::value* claim = claims.if_contains(kTagsClaim);
  if (claim == nullptr) return {};
  if (!claim->is_object()) return bad_tags();
  if (const json::value* tags = claim->get_object().if_contains("principal_tags")) {
    if (!tags->is_object() || tags->get_object().size() > 50) return bad_tags();
    for (const auto& [name, values] : tags->get_object()) {
      const bool one =
          values.is_array() && values.get_array().size() == 1 && values.get_array()[0].is_string();
      if (!one || name.empty() || name.size() > 128) return bad_tags();
      const auto& value = values.get_array()[0].get_string();
      if (value.size() > 256) return bad_tags();
      session.tags.emplace(name, value);
    }
  }
  if (const json::value* keys = claim->get_object().if_contains("transitive_tag_keys")) {
    if (!keys->is_array()) return bad_tags();
    for (const json::value& key : keys->get_array()) {
      if (!key.is_string() || !session.tags.contains(std::string(key.get_string()))) {
        return bad_tags();
      }
      session.transitive_tags.emplace(key.get_string());
    }
  }
  return {};
}

// "HOST:sub", "HOST:aud" and "HOST:amr", where HOST is the provider's URL.
std::vector<std::pair<std::string, std::vector<std::string>>> condition_keys(
    const VerifiedToken& token) {
  const std::string host = token.provider.url + ":";
  std::vector<std::pair<std::string, std::vector<std::string>>> keys;
  keys.emplace_back(host + "sub", std::vector{token.claims.subject});
  keys.emplace_back(host + "aud", token.claims.authorized_party
                                      ? std::vector{*token.claims.authorized_party}
                                      : token.claims.audiences);
  if (token.claims.authorized_party) keys.emplace_back(host + "oaud", token.claims.audiences);
  std::vector<std::string> methods;
  if (const json::value* amr = token.claims.all.if_contains("amr"); amr && amr->is_array()) {
    for (const json::value& method : amr->get_array()) {
      if (method.is_string()) methods.emplace_back(method.get_string());
    }
  }
  if (!methods.empty()) keys.emplace_back(host + "amr", std::move(methods));
  return keys;
}

// The trust policy must let the token's bearer in, and let it set what it sets.
Status admit(StsCore& core, const Call& call, const TrustingRole& role, const Session& session,
             const VerifiedToken& token) {
  Caller bearer;
  COFFERDAM_TRY(bearer.principal, policy::web_identity_principal(token.provider.arn));
  bearer.temporary = policy::TemporaryCredentials{.issued = call.now};
  bearer.temporary->federated_provider = token.provider.arn;
  const Call on_behalf{.http = call.http,
                       .claim = call.claim,
                       .caller = bearer,
                       .request_id = call.request_id,
                       .now = call.now,
                       .trace = call.trace};
  std::vector<std::string_view> actions{"AssumeRoleWithWebIdentity"};
  if (!session.tags.empty()) actions.emplace_back("TagSession");
  if (!session.source_identity.empty()) actions.emplace_back("SetSourceIdentity");
  for (const std::string_view action : actions) {
    auto keys = condition_keys(token);
    if (!session.transitive_tags.empty()) {
      keys.emplace_back(
          "sts:TransitiveTagKeys",
          std::vector<std::string>(session.transitive_tags.begin(), session.transitive_tags.end()));
    }
    if (!core.ask(on_behalf, role, action, session, session.tags, std::move(keys)).allowed) {
      return not_authorized();
    }
  }
  return {};
}

}  // namespace

Result<QueryReply> assume_role_with_web_identity(StsCore& core, const Call& call,
                                                 const QueryParameters& parameters) {
  COFFERDAM_TRY(SessionRequest request, core.read_request(parameters));
  COFFERDAM_TRY(const std::string text, parameters.text("WebIdentityToken", {4, 20'000}));
  if (parameters.has("ProviderId")) {
    return fail(Errc::invalid_input, query::kValidation,
                "ProviderId is for OAuth 2.0 access tokens, which the local STS does not take");
  }
  COFFERDAM_TRY(const VerifiedToken token, verify(core, call, text, request.role_arn));
  COFFERDAM_TRY(const auto role, core.find_role(request.role_arn));
  if (!role) return not_authorized();
  Session session = Sessions::begin(role->role.account, call.now, std::chrono::seconds(0));
  session.identity = role->role.id;
  session.name = request.name;
  session.federated_provider = token.provider.arn;
  COFFERDAM_CHECK(read_tags(token.claims.all, session));
  const auto source = optional_string(token.claims.all, kSourceIdentityClaim);
  if (source && *source) session.source_identity = **source;
  COFFERDAM_CHECK(admit(core, call, *role, session, token));
  COFFERDAM_TRY(const auto duration, core.duration_of(request, role->role, /*chained=*/false));
  session.expires = session.issued + duration;
  session.policy = std::move(request.policy);
  session.policy_arns = std::move(request.policy_arns);
  XmlText more;
  more.leaf("SubjectFromWebIdentityToken", token.claims.subject);
  more.leaf("Audience", token.audience).leaf("Provider", token.provider.arn);
  return core.answer(*role, std::move(session), std::move(more).take());
}

}  // namespace cofferdam::cloud::sts
