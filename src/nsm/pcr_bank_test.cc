// SPDX-License-Identifier: Apache-2.0
#include "nsm/pcr_bank.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/encoding.h"

namespace cofferdam::nsm {
namespace {

PcrBank booted(const attest::Pcrs& measured = {}, bool debug_mode = false) {
  auto bank = PcrBank::boot(measured, debug_mode);
  EXPECT_TRUE(bank.has_value());
  return *std::move(bank);
}

TEST(PcrBankTest, TheFirstSixteenAreLockedAtBootAndTheRestAreFreeAndZero) {
  const PcrBank bank = booted({{0, Bytes(48, 0x11)}});
  for (std::uint16_t index = 0; index < kPcrCount; ++index) {
    const auto pcr = bank.describe(index);
    ASSERT_TRUE(pcr.has_value());
    EXPECT_EQ(pcr->lock, index < 16) << index;
    EXPECT_EQ(pcr->data, Bytes(48, index == 0 ? 0x11 : 0)) << index;
  }
}

TEST(PcrBankTest, ExtendIsTheDigestOfTheOldValueAndTheData) {
  PcrBank bank = booted();
  const auto once = bank.extend(16, as_bytes("abc"));
  ASSERT_TRUE(once.has_value());
  // (head -c48 /dev/zero; printf abc) | sha384sum
  EXPECT_EQ(to_hex(*once),
            "b1c16eb7634112b7c9d5ebd27e62a2d4528bbfcfd68b62d3afd9ecf98e0f413a84314acce78317fb69fd89"
            "5155343e09");
  const auto twice = bank.extend(16, {});
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(*twice, crypto::sha384(*once));
  EXPECT_EQ(bank.describe(16)->data, to_bytes(*twice));
}

TEST(PcrBankTest, ALockedRegisterCanNeitherBeExtendedNorLockedAgain) {
  PcrBank bank = booted();
  EXPECT_TRUE(bank.lock(17).has_value());
  for (const std::uint16_t index : {std::uint16_t{0}, std::uint16_t{15}, std::uint16_t{17}}) {
    EXPECT_EQ(bank.extend(index, {}).error(), ErrorCode::read_only_index);
    EXPECT_EQ(bank.lock(index).error(), ErrorCode::read_only_index);
  }
  EXPECT_EQ(bank.describe(17)->data, Bytes(48)) << "a refused extend changes nothing";
}

TEST(PcrBankTest, ThereAreThirtyTwoRegisters) {
  PcrBank bank = booted();
  EXPECT_EQ(bank.describe(32).error(), ErrorCode::invalid_index);
  EXPECT_EQ(bank.extend(32, {}).error(), ErrorCode::invalid_index);
  EXPECT_EQ(bank.lock(32).error(), ErrorCode::invalid_index);
  EXPECT_EQ(bank.lock_below(33).error(), ErrorCode::invalid_index);
  EXPECT_TRUE(bank.extend(31, {}).has_value());
}

TEST(PcrBankTest, LockingARangeLeavesTheRestFreeAndMayBeRepeated) {
  PcrBank bank = booted();
  EXPECT_TRUE(bank.lock_below(0).has_value());
  EXPECT_EQ(bank.locked_indices().size(), 16U);
  EXPECT_TRUE(bank.lock_below(20).has_value());
  EXPECT_TRUE(bank.lock_below(20).has_value());
  std::vector<std::uint16_t> first_twenty(20);
  for (std::uint16_t index = 0; index < 20; ++index) first_twenty[index] = index;
  EXPECT_EQ(bank.locked_indices(), first_twenty);
  EXPECT_TRUE(bank.extend(20, {}).has_value());
  EXPECT_TRUE(bank.lock_below(32).has_value());
  EXPECT_EQ(bank.locked_values().size(), 32U);
}

TEST(PcrBankTest, OnlyLockedRegistersAreShown) {
  PcrBank bank = booted();
  ASSERT_TRUE(bank.extend(16, as_bytes("x")).has_value());
  EXPECT_FALSE(bank.locked_values().contains(16));
  ASSERT_TRUE(bank.lock(16).has_value());
  EXPECT_EQ(bank.locked_values().at(16), bank.describe(16)->data);
}

TEST(PcrBankTest, DebugModeHidesTheFirstThreeOnly) {
  const attest::Pcrs measured{{0, Bytes(48, 1)},
                              {1, Bytes(48, 2)},
                              {2, Bytes(48, 3)},
                              {3, Bytes(48, 4)},
                              {8, Bytes(48, 5)}};
  const PcrBank bank = booted(measured, /*debug_mode=*/true);
  for (std::uint16_t index = 0; index < 3; ++index) {
    EXPECT_EQ(bank.describe(index)->data, Bytes(48));
  }
  EXPECT_EQ(bank.describe(3)->data, Bytes(48, 4));
  EXPECT_EQ(bank.describe(8)->data, Bytes(48, 5));
}

TEST(PcrBankTest, RefusesABootValueOfTheWrongSizeOrPlace) {
  EXPECT_FALSE(PcrBank::boot({{0, Bytes(47)}}, false).has_value());
  EXPECT_FALSE(PcrBank::boot({{0, Bytes(64)}}, false).has_value());
  EXPECT_FALSE(PcrBank::boot({{16, Bytes(48)}}, false).has_value());
}

}  // namespace
}  // namespace cofferdam::nsm
