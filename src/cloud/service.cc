// SPDX-License-Identifier: Apache-2.0
#include "cloud/service.h"

namespace cofferdam::cloud {

std::vector<const policy::AttachedPolicy*> Caller::pointers(const SharedPolicies& list) {
  std::vector<const policy::AttachedPolicy*> out;
  out.reserve(list.size());
  for (const SharedPolicy& attached : list) out.push_back(attached.get());
  return out;
}

policy::PolicySet Caller::policy_set() const {
  policy::PolicySet set;
  set.identity = pointers(policies);
  set.boundary = boundary.get();
  if (session_policies) set.session = pointers(*session_policies);
  for (const SharedPolicies& level : organization) set.organization.push_back(pointers(level));
  return set;
}

}  // namespace cofferdam::cloud
