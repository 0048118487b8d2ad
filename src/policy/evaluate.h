// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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

// Everything that may speak about one request. The pointed-to policy must outlive the call.
struct PolicySet {
  // Attached to the resource; nullptr where the action has no resource. A KMS key always
  // has exactly one, and nothing is allowed unless it takes part.
  const AttachedPolicy* resource = nullptr;
  std::vector<const AttachedPolicy*> identity;  // Attached to the requester.
};

// Which kind of policy decided.
enum class Layer : std::uint8_t { resource_policy, identity_policy };

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

// The rules, for a resource whose policy must take part (KMS keys, roles):
//  - an explicit deny in any policy wins;
//  - the resource policy allows the requester itself (or anyone): allowed, when both are
//    in one account;
//  - it allows the requester's account: allowed when an identity policy allows too;
//  - across accounts an identity policy must allow in every case;
//  - the root user of an account needs no identity policy;
//  - without a resource policy, an identity policy must allow.
Verdict evaluate(const Request& request, const PolicySet& policies);

}  // namespace cofferdam::policy
