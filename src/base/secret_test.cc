// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace cofferdam {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

Bytes content(const Secret& secret) { return to_bytes(secret.reveal()); }

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

TEST(SecretTest, TakeWipesTheSource) {
  Bytes source{1, 2, 3};
  const Secret secret = Secret::take(source);
  EXPECT_EQ(content(secret), (Bytes{1, 2, 3}));
  EXPECT_TRUE(all_zero(source));
}

TEST(SecretTest, AMovedFromSecretIsEmpty) {
  Secret first = Secret::copy_of(as_bytes("key"));
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_EQ(content(second), to_bytes("key"));
  Secret third = Secret::copy_of(as_bytes("old"));
  third = std::move(second);
  EXPECT_EQ(content(third), to_bytes("key"));
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(SecretTest, ANewSecretIsZeroEvenInReusedMemory) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{33},
                                 std::size_t{4096}, std::size_t{4097}, std::size_t{100'000}}) {
    {
      Secret used(size);
      std::ranges::fill(used.reveal_mut(), std::uint8_t{0xaa});
    }
    EXPECT_TRUE(all_zero(Secret(size).reveal())) << size;
  }
}

TEST(SecretTest, SecretsDoNotShareMemory) {
  std::vector<Secret> secrets;
  for (std::uint8_t i = 0; i < 200; ++i) {
    secrets.emplace_back(40);
    std::ranges::fill(secrets.back().reveal_mut(), i);
  }
  for (std::uint8_t i = 0; i < 200; ++i) {
    EXPECT_EQ(content(secrets[i]), Bytes(40, i));
  }
}

TEST(SecretTest, TruncatedKeepsTheFront) {
  Secret whole = Secret::copy_of(as_bytes("secretpadding"));
  const Secret front = std::move(whole).truncated(6);
  EXPECT_EQ(content(front), to_bytes("secret"));
  EXPECT_TRUE(whole.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(Secret::copy_of(as_bytes("x")).truncated(0).empty());
}

TEST(SecretTest, ComparesContentAndLength) {
  const Secret secret = Secret::copy_of(as_bytes("abc"));
  EXPECT_TRUE(secret == secret.clone());
  EXPECT_FALSE(secret == Secret::copy_of(as_bytes("abd")));
  EXPECT_FALSE(secret == Secret::copy_of(as_bytes("ab")));
  EXPECT_FALSE(secret == Secret());
  EXPECT_TRUE(Secret() == Secret());
}

TEST(SecretTest, ConstantTimeComparisonSeesEveryBit) {
  const Bytes bytes(32, 0x5a);
  EXPECT_TRUE(equal_constant_time(bytes, bytes));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes changed = bytes;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(equal_constant_time(bytes, changed)) << bit;
  }
}

}  // namespace
}  // namespace cofferdam
