// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::policy {

// What a request says about itself: condition keys and their values, as conditions and
// policy variables see them. Names of keys are compared without regard to case, as AWS
// does; so two encryption-context keys that differ only by case meet in one name.
//
// A single-valued key holds one value. A multivalued key may hold any number; with none
// it counts as absent.
class RequestContext {
 public:
  void set(std::string_view key, std::string value);
  void set_all(std::string_view key, std::vector<std::string> values);

  // The values under `key`, or nullptr when there are none. Valid until the next change.
  const std::vector<std::string>* find(std::string_view key) const;

  // Names in lower case, in order.
  const std::map<std::string, std::vector<std::string>, std::less<>>& entries() const {
    return entries_;
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> entries_;
};

}  // namespace cofferdam::policy
