// SPDX-License-Identifier: Apache-2.0
#include "cloud/policy_cache.h"

namespace cofferdam::cloud {

Result<SharedPolicy> PolicyCache::parse(std::string_view name, std::string_view text,
                                        policy::PolicyKind kind) {
  const auto found = policies_.find(std::tuple(kind, name, text));
  if (found != policies_.end()) return found->second;
  // Whoever stored it has enforced the limit of its place.
  auto document = policy::parse_document(text, kind, text.size());
  if (!document) {
    return fail(Errc::internal, "the stored policy " + std::string(name) +
                                    " does not parse: " + document.error().detail);
  }
  SharedPolicy policy = std::make_shared<const policy::AttachedPolicy>(
      policy::AttachedPolicy{.name = std::string(name), .document = *std::move(document)});
  if (policies_.size() == kMaxPolicies || text_size_ > kMaxText) {
    policies_.clear();
    text_size_ = 0;
  }
  policies_.emplace(std::tuple(kind, std::string(name), std::string(text)), policy);
  text_size_ += text.size();
  return policy;
}

}  // namespace cofferdam::cloud
