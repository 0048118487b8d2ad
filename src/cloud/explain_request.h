// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cloud/store.h"
#include "policy/explain.h"

// What `cofferdam cloud explain` tells: why the policies and grants in force in a store would
// allow or deny a request.
namespace cofferdam::cloud {

// A request, and what the store cannot know about its caller.
struct AskedRequest {
  policy::Request request;
  // Handed over when the session was made; absent: none were.
  std::optional<std::vector<policy::AttachedPolicy>> session_policies;
};

// As read_request() (event.h), with "sessionPolicies": a list of policies, each an object or
// its text. Errc::invalid_input for anything else.
Result<AskedRequest> read_asked_request(const json::object& object);

// What of a grant on the key agrees with a request. A new grant made by a grant must not allow
// more than that; its constraints are not in the request, so only a grant without any agrees.
struct GrantTrace {
  std::string id;
  std::string name;  // May be empty.
  bool grantee = false;
  bool operation = false;
  bool constraints = false;

  bool allows() const noexcept { return grantee && operation && constraints; }
};

struct RequestExplanation {
  policy::Explanation policies;
  std::vector<GrantTrace> grants;  // Of the key; not asked where a policy denies explicitly.

  bool by_grant() const noexcept;
  bool allowed() const noexcept { return policies.verdict.allowed || by_grant(); }
};

// The caller must be a user or a role of the store, in a session or not. The resource's own
// policy is that of a key, a secret or, for sts:AssumeRole and its kin, the trust policy of a
// role. Encryption contexts are compared without regard to the case of their names, which a
// request does not keep. Errc::not_found for a caller, a key or a role that is not there.
Result<RequestExplanation> explain_request(Store& store, const AskedRequest& asked);

// As policy::to_json and to_text, with "allowed", "byGrant" and "grants".
json::object to_json(const RequestExplanation& explanation);
std::string to_text(const RequestExplanation& explanation);

}  // namespace cofferdam::cloud
