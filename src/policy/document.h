// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "policy/condition.h"
#include "policy/principal.h"

// The policy language of IAM (IAM User Guide, "Grammar of the IAM JSON policy language").
namespace cofferdam::policy {

enum class Effect : std::uint8_t { allow, deny };

// Where a policy is attached decides which elements it must and must not have.
enum class PolicyKind : std::uint8_t {
  key,              // KMS key policy: Principal; Resource is "this key".
  resource,         // On another resource, such as a secret: Principal and Resource.
  identity,         // On a user, group or role, also as its boundary: Resource, never Principal.
  session,          // Handed over with AssumeRole: as identity, but smaller.
  service_control,  // On a level of an organization: as identity.
  trust,            // On a role: Principal, never Resource.
};

// A list that names what a statement covers, or with `negated` (NotAction, NotResource,
// NotPrincipal) what it does not.
template <class T>
struct Selector {
  std::vector<T> entries;
  bool negated = false;

  bool operator==(const Selector&) const = default;
};

struct Statement {
  std::string sid;  // May be empty.
  Effect effect = Effect::deny;
  std::optional<Selector<PrincipalPattern>> principal;
  Selector<std::string> action;
  // Absent in a trust policy, where it is the role itself, and in a statement of a key
  // policy, which then does nothing.
  std::optional<Selector<std::string>> resource;
  std::vector<Condition> conditions;

  bool operator==(const Statement&) const = default;
};

struct Document {
  PolicyKind kind = PolicyKind::identity;
  bool variables = false;  // Version 2012-10-17; the older language takes ${...} literally.
  std::string id;
  std::vector<Statement> statements;

  bool operator==(const Document&) const = default;
};

inline constexpr std::size_t kMaxKeyPolicySize = std::size_t{32} * 1024;
inline constexpr std::size_t kMaxResourcePolicySize = 20'480;
inline constexpr std::size_t kMaxIdentityPolicySize = 10'240;
inline constexpr std::size_t kMaxSessionPolicySize = 2'048;
inline constexpr std::size_t kMaxServiceControlPolicySize = 10'240;
inline constexpr std::size_t kMaxTrustPolicySize = 2'048;

std::size_t max_policy_size(PolicyKind kind) noexcept;

// Strict: what AWS would refuse or what this project does not know (an element, an
// operator, a principal type) is Errc::invalid_input with reason kMalformedPolicy and
// AWS's wording where AWS has one. Nothing unknown is ever skipped, for a skipped
// condition would widen a policy.
Result<Document> parse_document(std::string_view text, PolicyKind kind, std::size_t max_size);
inline Result<Document> parse_document(std::string_view text, PolicyKind kind) {
  return parse_document(text, kind, max_policy_size(kind));
}

inline constexpr std::string_view kMalformedPolicy = "MalformedPolicyDocument";

// The canonical form: every list an array, statements in their order. Parsing it gives
// back an equal document.
json::value to_json(const Document& document);

}  // namespace cofferdam::policy
