// SPDX-License-Identifier: Apache-2.0
#include "policy/context.h"

#include <utility>

#include "base/text.h"

namespace cofferdam::policy {

void RequestContext::set(std::string_view key, std::string value) {
  // Not from an initializer list, which would copy the value.
  auto& values = entries_[to_lower(key)];
  values.clear();
  values.push_back(std::move(value));
}

void RequestContext::set_all(std::string_view key, std::vector<std::string> values) {
  entries_[to_lower(key)] = std::move(values);
}

const std::vector<std::string>* RequestContext::find(std::string_view key) const {
  const auto entry = entries_.find(to_lower(key));
  return entry == entries_.end() || entry->second.empty() ? nullptr : &entry->second;
}

}  // namespace cofferdam::policy
