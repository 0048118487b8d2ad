// SPDX-License-Identifier: Apache-2.0
#include "policy/principal.h"

#include <algorithm>

#include "policy/arn.h"

namespace cofferdam::policy {
namespace {

// The text after the last slash.
std::string last_segment(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string iam_arn(const Arn& like, const std::string& resource) {
  return "arn:" + like.partition + ":iam::" + like.account + ":" + resource;
}

Result<Principal> iam_principal(const Arn& arn, Principal out) {
  if (arn.resource == "root") {
    out.kind = Principal::Kind::root;
    out.name = "root";
    return out;
  }
  out.kind = Principal::Kind::user;
  out.name = last_segment(arn.resource);
  if (!arn.resource.starts_with("user/") || out.name.empty()) {
    return fail(Errc::invalid_input, "ARN of iam is neither a user nor root");
  }
  return out;
}

// "assumed-role/ROLE/SESSION" or "federated-user/NAME".
Result<Principal> sts_principal(const Arn& arn, Principal out) {
  out.name = last_segment(arn.resource);
  if (arn.resource.starts_with("federated-user/") && !out.name.empty()) {
    out.kind = Principal::Kind::federated_user;
    return out;
  }
  const auto role_start = arn.resource.find('/') + 1;
  const auto role_end = arn.resource.rfind('/');
  if (!arn.resource.starts_with("assumed-role/") || role_end <= role_start || out.name.empty()) {
    return fail(Errc::invalid_input, "ARN of sts is neither a role session nor a federated user");
  }
  out.kind = Principal::Kind::assumed_role;
  out.role_arn = iam_arn(arn, "role/" + arn.resource.substr(role_start, role_end - role_start));
  return out;
}

bool lists(const std::vector<PrincipalPattern>& patterns, PrincipalPattern::Kind kind,
           const std::string& value) {
  return std::ranges::any_of(patterns, [&](const PrincipalPattern& pattern) {
    return pattern.kind == kind && pattern.value == value;
  });
}

}  // namespace

Result<Principal> principal_from_arn(std::string_view text) {
  COFFERDAM_TRY(const Arn arn, parse_arn(text));
  if (!is_account_id(arn.account)) {
    return fail(Errc::invalid_input, "ARN of a principal without an account");
  }
  Principal out;
  out.arn = std::string(text);
  out.account = arn.account;
  if (arn.service == "iam") return iam_principal(arn, std::move(out));
  if (arn.service == "sts") return sts_principal(arn, std::move(out));
  return fail(Errc::invalid_input, "ARN of a principal is of neither iam nor sts");
}

Principal service_principal(std::string_view name) {
  Principal out;
  out.kind = Principal::Kind::service;
  out.arn = std::string(name);
  out.name = std::string(name);
  return out;
}

Result<Principal> web_identity_principal(std::string_view provider_arn) {
  COFFERDAM_TRY(const Arn arn, parse_arn(provider_arn));
  constexpr std::string_view kPrefix = "oidc-provider/";
  if (arn.service != "iam" || !is_account_id(arn.account) || !arn.resource.starts_with(kPrefix) ||
      arn.resource.size() == kPrefix.size()) {
    return fail(Errc::invalid_input, "not the ARN of an OIDC provider");
  }
  Principal out;
  out.kind = Principal::Kind::web_identity;
  out.arn = std::string(provider_arn);
  out.account = arn.account;
  out.name = arn.resource.substr(kPrefix.size());
  return out;
}

PrincipalMatch match_principal(const PrincipalPattern& pattern, const Principal& principal) {
  const auto direct_if = [](bool matched) {
    return matched ? PrincipalMatch::direct : PrincipalMatch::none;
  };
  switch (pattern.kind) {
    case PrincipalPattern::Kind::anyone:
      return PrincipalMatch::direct;
    case PrincipalPattern::Kind::account:
      // A provider is not part of the account it is registered in.
      if (principal.kind == Principal::Kind::web_identity) return PrincipalMatch::none;
      return pattern.value == principal.account ? PrincipalMatch::through_account
                                                : PrincipalMatch::none;
    case PrincipalPattern::Kind::aws:
      if (principal.kind == Principal::Kind::web_identity) return PrincipalMatch::none;
      if (principal.kind == Principal::Kind::assumed_role && pattern.value == principal.role_arn) {
        return PrincipalMatch::through_role;
      }
      return direct_if(pattern.value == principal.arn);
    case PrincipalPattern::Kind::service:
      return direct_if(principal.kind == Principal::Kind::service &&
                       pattern.value == principal.name);
    case PrincipalPattern::Kind::federated:
      return direct_if(principal.kind == Principal::Kind::web_identity &&
                       pattern.value == principal.arn);
  }
  return PrincipalMatch::none;
}

PrincipalMatch match_principals(const std::vector<PrincipalPattern>& patterns,
                                const Principal& principal) {
  auto best = PrincipalMatch::none;
  for (const auto& pattern : patterns) best = std::max(best, match_principal(pattern, principal));
  return best;
}

bool exempt_by_not_principal(const std::vector<PrincipalPattern>& patterns,
                             const Principal& principal) {
  using Kind = PrincipalPattern::Kind;
  if (lists(patterns, Kind::anyone, "")) return true;
  if (principal.kind == Principal::Kind::service) {
    return lists(patterns, Kind::service, principal.name);
  }
  if (principal.kind == Principal::Kind::web_identity) {
    return lists(patterns, Kind::federated, principal.arn);
  }
  if (!lists(patterns, Kind::account, principal.account)) return false;
  if (principal.kind == Principal::Kind::root) return true;
  if (principal.kind == Principal::Kind::assumed_role &&
      !lists(patterns, Kind::aws, principal.role_arn)) {
    return false;
  }
  return lists(patterns, Kind::aws, principal.arn);
}

}  // namespace cofferdam::policy
