// SPDX-License-Identifier: Apache-2.0
#include "cloud/sts.h"

#include <algorithm>
#include <array>

#include "cloud/api_error.h"
#include "cloud/xml_text.h"
#include "jose/jwt.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kWebIdentity = "AssumeRoleWithWebIdentity";

struct Action {
  std::string_view name;
  sts::Operation* run;
};
constexpr std::array kActions{
    Action{"AssumeRole", sts::assume_role},
    Action{kWebIdentity, sts::assume_role_with_web_identity},
    Action{"GetAccessKeyInfo", sts::get_access_key_info},
    Action{"GetCallerIdentity", sts::get_caller_identity},
    Action{"GetSessionToken", sts::get_session_token},
};

}  // namespace

namespace sts {

// Needs no permission: AWS answers whoever can sign.
Result<QueryReply> get_caller_identity(StsCore& /*core*/, const Call& call,
                                       const QueryParameters& /*parameters*/) {
  XmlText xml;
  xml.leaf("Arn", call.caller.principal.arn).leaf("UserId", call.caller.user_id);
  xml.leaf("Account", call.caller.principal.account);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> get_session_token(StsCore& core, const Call& call,
                                     const QueryParameters& parameters) {
  COFFERDAM_TRY(const auto seconds, parameters.optional_integer("DurationSeconds", 900, 129'600));
  if (parameters.has("SerialNumber") || parameters.has("TokenCode")) {
    return fail(Errc::denied, api::kAccessDenied,
                "MultiFactorAuthentication failed, unable to validate MFA code.");
  }
  const policy::Principal& principal = call.caller.principal;
  if (call.caller.temporary || principal.kind != policy::Principal::Kind::user) {
    return fail(Errc::denied, api::kAccessDenied,
                "Cannot call GetSessionToken with session credentials");
  }
  Session session =
      Sessions::begin(principal.account, call.now, std::chrono::seconds(seconds.value_or(43'200)));
  session.identity = call.caller.user_id;
  return core.credentials(std::move(session));
}

Result<QueryReply> get_access_key_info(StsCore& core, const Call& call,
                                       const QueryParameters& parameters) {
  COFFERDAM_TRY(const std::string id, parameters.text("AccessKeyId", {16, 128}, Charset::word));
  COFFERDAM_CHECK(core.authorizer().admit(call, {.action = "sts:GetAccessKeyInfo"}));
  std::optional<std::string> account = account_of_access_key(id);
  COFFERDAM_TRY(const auto key, core.iam().find_access_key(id));
  if (key) {
    COFFERDAM_TRY(const auto user, core.iam().find_identity(key->user_id));
    if (user) account = user->account;
  }
  if (!account) {
    return fail(Errc::invalid_input, query::kValidation, "Invalid accessKeyId provided.");
  }
  return QueryReply{.result = std::move(XmlText().leaf("Account", *account)).take()};
}

}  // namespace sts

Result<QueryReply> Sts::invoke(std::string_view name, const Call& call,
                               const QueryParameters& parameters) {
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == kActions.end()) return invalid_action(name, version());
  return action->run(core_, call, parameters);
}

bool Sts::accepts_unsigned(const net::HttpRequest& request) const {
  const auto form = form_of(request);
  if (!form) return false;
  const auto action = form->find("Action");
  return action != form->end() && action->second == kWebIdentity;
}

std::optional<Sts::WantedKeys> Sts::wanted_keys(const net::HttpRequest& request) {
  // Spares all other requests the second reading of their form.
  const bool named = as_text(request.body).find(kWebIdentity) != std::string_view::npos ||
                     request.target.find(kWebIdentity) != std::string::npos;
  if (!named) return std::nullopt;
  const auto form = form_of(request);
  if (!form) return std::nullopt;
  const auto token = form->find("WebIdentityToken");
  if (token == form->end()) return std::nullopt;
  const auto issuer = jose::claimed_issuer(token->second);
  const auto jws = jose::parse_jws(token->second);
  if (!issuer || !jws) return std::nullopt;
  const auto trusted = core_.iam().trusts_issuer(provider_url(*issuer));
  if (!trusted || !*trusted) return std::nullopt;
  return WantedKeys{.issuer = *issuer, .key_id = jws->key_id};
}

}  // namespace cofferdam::cloud
