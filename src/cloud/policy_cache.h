// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "cloud/service.h"

namespace cofferdam::cloud {

// Stored policies, parsed once. Keyed by their text, so that nothing has to be told when a
// policy changes; bounded in number and in size. Not safe for concurrent use.
class PolicyCache {
 public:
  // Errc::internal for a text that does not parse: it was checked before it was stored.
  Result<SharedPolicy> parse(std::string_view name, std::string_view text, policy::PolicyKind kind);

 private:
  static constexpr std::size_t kMaxPolicies = 1024;
  static constexpr std::size_t kMaxText = std::size_t{1024} * 1024;

  std::map<std::tuple<policy::PolicyKind, std::string, std::string>, SharedPolicy, std::less<>>
      policies_;
  std::size_t text_size_ = 0;
};

}  // namespace cofferdam::cloud
