// SPDX-License-Identifier: Apache-2.0
#include "run/console.h"

#include <array>

#include "base/encoding.h"

namespace cofferdam::run {

void ConsoleLines::add(ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    if (byte == '\n') {
      emit();
    } else if (byte == '\r') {
      continue;  // Serial consoles end lines with two characters.
    } else if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      line_ += "\\x" + to_hex(std::array{byte});
    } else {
      line_ += static_cast<char>(byte);
    }
    if (line_.size() >= kMaxLine) emit();
  }
}

void ConsoleLines::finish() {
  if (!line_.empty()) emit();
}

void ConsoleLines::emit() {
  sink_(line_);
  line_.clear();
}

}  // namespace cofferdam::run
