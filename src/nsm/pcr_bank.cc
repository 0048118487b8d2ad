// SPDX-License-Identifier: Apache-2.0
#include "nsm/pcr_bank.h"

#include <algorithm>
#include <string>

namespace cofferdam::nsm {

Result<PcrBank> PcrBank::boot(const attest::Pcrs& measured, bool debug_mode) {
  PcrBank bank;
  for (const auto& [index, value] : measured) {
    if (index >= kFirstFree) {
      return fail(Errc::invalid_input, "PCR" + std::to_string(index) +
                                           " cannot be set at boot: only 0 to 15 are measured");
    }
    Register& target = bank.registers_[index];
    if (value.size() != target.value.size()) {
      return fail(Errc::invalid_input, "PCR" + std::to_string(index) +
                                           ": expected 48 bytes, found " +
                                           std::to_string(value.size()));
    }
    if (!debug_mode || index > 2) std::ranges::copy(value, target.value.begin());
  }
  for (std::uint8_t index = 0; index < kFirstFree; ++index) bank.registers_[index].locked = true;
  return bank;
}

std::expected<DescribePcrResponse, ErrorCode> PcrBank::describe(std::uint16_t index) const {
  if (index >= kPcrCount) return std::unexpected(ErrorCode::invalid_index);
  const Register& found = registers_[index];
  return DescribePcrResponse{.lock = found.locked, .data = to_bytes(found.value)};
}

std::expected<PcrBank::Value, ErrorCode> PcrBank::extend(std::uint16_t index, ByteView data) {
  if (index >= kPcrCount) return std::unexpected(ErrorCode::invalid_index);
  Register& target = registers_[index];
  if (target.locked) return std::unexpected(ErrorCode::read_only_index);
  target.value = crypto::sha384({target.value, data});
  return target.value;
}

std::expected<void, ErrorCode> PcrBank::lock(std::uint16_t index) {
  if (index >= kPcrCount) return std::unexpected(ErrorCode::invalid_index);
  if (registers_[index].locked) return std::unexpected(ErrorCode::read_only_index);
  registers_[index].locked = true;
  return {};
}

std::expected<void, ErrorCode> PcrBank::lock_below(std::uint16_t range) {
  if (range > kPcrCount) return std::unexpected(ErrorCode::invalid_index);
  for (std::uint16_t index = 0; index < range; ++index) registers_[index].locked = true;
  return {};
}

std::vector<std::uint16_t> PcrBank::locked_indices() const {
  std::vector<std::uint16_t> out;
  for (std::uint16_t index = 0; index < kPcrCount; ++index) {
    if (registers_[index].locked) out.push_back(index);
  }
  return out;
}

attest::Pcrs PcrBank::locked_values() const {
  attest::Pcrs out;
  for (const std::uint16_t index : locked_indices()) {
    out.emplace(static_cast<std::uint8_t>(index), to_bytes(registers_[index].value));
  }
  return out;
}

}  // namespace cofferdam::nsm
