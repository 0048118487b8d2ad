// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/byte_view.h"

namespace cofferdam::run {

// Cuts what an enclave prints into lines that are safe to show: control characters come
// out as \xNN, so it can neither steer the terminal nor forge a line of the runner, and a
// line longer than kMaxLine is split.
class ConsoleLines {
 public:
  static constexpr std::size_t kMaxLine = 8192;
  using Sink = std::function<void(std::string_view line)>;

  explicit ConsoleLines(Sink sink) : sink_(std::move(sink)) {}

  void add(ByteView bytes);
  // What is left without an end of line.
  void finish();

 private:
  void emit();

  Sink sink_;
  std::string line_;
};

}  // namespace cofferdam::run
