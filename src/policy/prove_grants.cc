// SPDX-License-Identifier: Apache-2.0
#include "policy/prove.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxGrants = 50'000;

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::invalid_input,
              "grants: " + std::string(what) + "; expected the output of aws kms list-grants");
}

Status read_pairs(const json::value& value, ProofGrant& grant) {
  const json::object* pairs = value.if_object();
  if (pairs == nullptr) return malformed("a constraint is not an object");
  for (const auto& [name, text] : *pairs) {
    if (!text.is_string()) return malformed("a value of an encryption context is not a text");
    grant.context[std::string(name)] = std::string(text.get_string());
  }
  return {};
}

// Passed over, a constraint would widen the grant; unknown, it might be no constraint.
Status read_constraints(const json::value& value, ProofGrant& grant) {
  const json::object* constraints = value.if_object();
  if (constraints == nullptr) return malformed("Constraints is not an object");
  for (const auto& [name, pairs] : *constraints) {
    if (name != "EncryptionContextEquals" && name != "EncryptionContextSubset") {
      return malformed("an unknown constraint");
    }
    COFFERDAM_CHECK(read_pairs(pairs, grant));
  }
  return {};
}

Result<ProofGrant> read_grant(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return malformed("a grant is not an object");
  ProofGrant out;
  COFFERDAM_TRY(out.id, required_string(*object, "GrantId"));
  COFFERDAM_TRY(out.grantee, required_string(*object, "GranteePrincipal"));
  const json::value* operations = object->if_contains("Operations");
  if (operations == nullptr || !operations->is_array()) return malformed("Operations is no list");
  for (const json::value& one : operations->get_array()) {
    if (!one.is_string()) return malformed("an operation is not a text");
    out.operations.emplace_back(std::string_view(one.get_string()));
  }
  if (const json::value* constraints = object->if_contains("Constraints")) {
    COFFERDAM_CHECK(read_constraints(*constraints, out));
  }
  return out;
}

}  // namespace

Result<std::vector<ProofGrant>> parse_grants(std::string_view text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxGrantsSize, 8));
  const json::object* object = value.if_object();
  const json::value* list = object != nullptr ? object->if_contains("Grants") : nullptr;
  if (list == nullptr || !list->is_array()) return malformed("there is no list Grants");
  if (list->get_array().size() > kMaxGrants) return malformed("there are too many");
  // A list that was cut off says nothing about the rest.
  const json::value* truncated = object->if_contains("Truncated");
  if (truncated != nullptr && *truncated == json::value(true))
    return malformed("the list is cut off");
  std::vector<ProofGrant> out;
  for (const json::value& one : list->get_array()) {
    COFFERDAM_TRY(ProofGrant grant, read_grant(one));
    out.push_back(std::move(grant));
  }
  return out;
}

}  // namespace cofferdam::policy
