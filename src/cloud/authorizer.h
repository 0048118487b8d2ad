// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/service.h"
#include "policy/evaluate.h"
#include "policy/global_keys.h"

namespace cofferdam::cloud {

// What a service wants to know before it acts.
struct Ask {
  std::string action;          // "secretsmanager:GetSecretValue"
  std::string resource = "*";  // Full ARN, or "*" where the action has no resource.
  // Attached to the resource, or nullptr; outlives the question.
  const policy::AttachedPolicy* resource_policy = nullptr;
  // Whether nothing is allowed unless the resource's policy takes part (keys, roles).
  bool resource_decides = false;

  std::map<std::string, std::string> request_tags = {};   // aws:RequestTag/KEY, aws:TagKeys.
  std::map<std::string, std::string> resource_tags = {};  // aws:ResourceTag/KEY.
  // The service's own condition keys with their values.
  std::vector<std::pair<std::string, std::vector<std::string>>> keys = {};
};

// Whether a call may do what it asks for: the one door to the policy engine for all
// services. Brings together the caller's policies of every layer, the policy of the
// resource and the condition keys common to all services, and leaves each question with
// its verdict in the trace of the call.
//
// Not safe for concurrent use.
class Authorizer {
 public:
  explicit Authorizer(Place place) : place_(std::move(place)) {}

  policy::Verdict authorize(const Call& call, const Ask& ask) const;
  // For a service that builds its requests itself, from circumstances().
  policy::Verdict authorize(const Call& call, policy::Request request,
                            const policy::AttachedPolicy* resource_policy,
                            bool resource_decides) const;
  // AccessDeniedException with AWS's text unless the call may. Ask.resource_decides and the
  // rest as above.
  Status admit(const Call& call, const Ask& ask) const;

  policy::Request request_of(const Call& call, const Ask& ask) const;
  policy::CallerCircumstances circumstances(const Call& call) const;

 private:
  Place place_;
};

}  // namespace cofferdam::cloud
