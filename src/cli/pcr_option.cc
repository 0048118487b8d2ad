// SPDX-License-Identifier: Apache-2.0
#include "cli/pcr_option.h"

#include <charconv>
#include <string>
#include <utility>

#include "base/encoding.h"

namespace cofferdam::cli {

Status read_pcr_option(std::string_view text, attest::Pcrs& out) {
  unsigned index = 0;
  const std::size_t equals = text.find('=');
  const std::string_view number = text.substr(0, equals);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (equals == std::string_view::npos || error != std::errc{} ||
      end != number.data() + number.size() || index > 31) {
    return fail(Errc::invalid_input, "expected N=HEX with N from 0 to 31");
  }
  COFFERDAM_TRY(Bytes value, from_hex(text.substr(equals + 1)));
  if (value.size() != 32 && value.size() != 48 && value.size() != 64) {
    return fail(Errc::invalid_input, "expected 64, 96 or 128 hexadecimal digits after N=");
  }
  if (!out.emplace(static_cast<std::uint8_t>(index), std::move(value)).second) {
    return fail(Errc::invalid_input, "PCR" + std::to_string(index) + " is given twice");
  }
  return {};
}

}  // namespace cofferdam::cli
