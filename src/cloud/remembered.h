// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cloud/store.h"

namespace cofferdam::cloud {

// What was read from the store and worked out from that, by name, until anything is written
// to the store: then all of it is forgotten, so that a change counts from the next request
// on and nobody has to say what it changed. Bounded: full, it begins anew.
//
// Nothing that depends on the time belongs in here. Not safe for concurrent use.
template <class Value>
class Remembered {
 public:
  static constexpr std::size_t kMost = 256;

  // The store must outlive this.
  explicit Remembered(const Store& store) : store_(store) {}

  // nullptr if it is not known. To be asked before what keep() gets is read.
  std::shared_ptr<const Value> find(std::string_view name) {
    if (generation_ != store_.generation()) {
      values_.clear();
      generation_ = store_.generation();
    }
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : found->second;
  }

  // Does not remember what was read before the store was written to.
  std::shared_ptr<const Value> keep(std::string_view name, Value value) {
    auto shared = std::make_shared<const Value>(std::move(value));
    if (generation_ != store_.generation()) return shared;
    if (values_.size() >= kMost) values_.clear();
    values_.insert_or_assign(std::string(name), shared);
    return shared;
  }

 private:
  const Store& store_;
  std::uint64_t generation_ = 0;
  std::map<std::string, std::shared_ptr<const Value>, std::less<>> values_;
};

}  // namespace cofferdam::cloud
