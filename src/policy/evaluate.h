// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/context.h"
#include "policy/document.h"
#include "policy/principal.h"

// Whether a request is allowed (IAM User Guide, "Policy evaluation logic"; KMS Developer
// Guide, "Determining access to KMS keys").
namespace cofferdam::policy {

// A request after authentication.
struct Request {
  Principal principal;
  std::string action;    // "kms:Decrypt"
  std::string resource;  // Full ARN, or "*" where the action has no resource (kms:CreateKey).
  RequestContext context;
};

struct AttachedPolicy {
  std::string name;  // For explanations: "default", "AllowUse".
  Document document;
};

// Everything that may speak about one request. The pointed-to policies must outlive the
// call.
struct PolicySet {
  using List = std::vector<const AttachedPolicy*>;

  // Attached to the resource; nullptr where it has none.
  const AttachedPolicy* resource = nullptr;
  List identity = {};  // Attached to the requester and its groups, or to the role of a session.
  const AttachedPolicy* boundary = nullptr;  // Permissions boundary of the user or role.
  std::optional<List> session = {};          // Handed over when the session was made.
  // Service control policies of the requester's account: one list for each level of the
  // organization, from its root down to the account. None: not in an organization.
  std::vector<List> organization = {};

  // KMS keys and roles: nothing is allowed unless the resource's policy takes part. Other
  // services let an identity policy of the resource's account allow by itself.
  bool resource_decides = true;
};

// Which kind of policy decided.
enum class Layer : std::uint8_t {
  organization,
  resource_policy,
  identity_policy,
  boundary,
  session_policy
};

struct Verdict {
  bool allowed = false;
  bool explicit_deny = false;
  // Denied without a statement: the layer that would have had to allow.
  Layer layer = Layer::resource_policy;
  // Name of the policy that decided; empty when none did, and for a root user.
  std::string policy;
  std::string statement;  // Its Sid, or "#2" for the second statement.
  std::string message;    // AWS's AccessDenied text; empty when allowed.
};

// The rules, in this order:
//  - an explicit deny in any policy wins;
//  - every level of the requester's organization must allow;
//  - the resource policy may allow, when both are in one account:
//      the requester itself (its ARN, that of its session, or anyone): nothing else is asked;
//      the role of its session: boundary and session policy must allow too;
//      its account: an identity policy, boundary and session policy must allow too;
//  - across accounts all of the requester's own policies must allow in every case;
//  - without a resource policy that allows, so must they, where resource_decides is not set;
//  - the root user of an account needs no identity policy;
//  - an AWS service needs the resource policy only.
Verdict evaluate(const Request& request, const PolicySet& policies);

}  // namespace cofferdam::policy
