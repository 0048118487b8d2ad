// SPDX-License-Identifier: Apache-2.0
#include "cloud/policy_cache.h"

namespace cofferdam::cloud {

Result<SharedPolicy> PolicyCache::parse(std::string_view name, std::string_view text,
                                        policy::PolicyKind kind) {
  std::tuple key(kind, std::string(name), std::string(text));
  if (const auto found = policies_.find(key); found != policies_.end()) return found->second;
  // Whoever stored it has enforced the limit of its place.
  auto document = policy::parse_document(text, kind, text.size());
  if (!document) {
    return fail(Errc::internal, "the stored policy " + std::string(name) +
                                    " does not parse: " + document.error().detail);
  }
  SharedPolicy policy = std::make_shared<const policy::AttachedPolicy>(
      policy::AttachedPolicy{.name = std::string(name), .document = *std::move(document)});
  if (policies_.size() == kMaxPolicies) policies_.clear();
  policies_.emplace(std::move(key), policy);
  return policy;
}

}  // namespace cofferdam::cloud
