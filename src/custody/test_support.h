// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "base/secret.h"
#include "custody/binding.h"
#include "custody/derivation.h"

// Shared by the tests of this folder.
namespace cofferdam::custody::test {

inline Secret secret_of(std::string_view text) { return Secret::copy_of(as_bytes(text)); }
inline Secret filled(std::uint8_t byte, std::size_t size = 32) {
  return Secret::copy_of(Bytes(size, byte));
}

// 0, 1, 2, …
inline Secret counting(std::size_t size) {
  Secret out(size);
  for (std::size_t i = 0; i < size; ++i) out.reveal_mut()[i] = static_cast<std::uint8_t>(i);
  return out;
}

// Ways to change a byte, which touch CBOR's types, its lengths and contents.
inline constexpr std::array<std::uint8_t, 4> kChanges{0x01, 0x20, 0x80, 0xff};

inline std::string text_of(const Secret& secret) { return std::string(as_text(secret.reveal())); }
inline std::string hex_of(const Secret& secret) { return to_hex(secret.reveal()); }

inline KeyTree tree_of(std::uint8_t root, std::string enclave = "vault") {
  return KeyTree::create(filled(root), std::move(enclave)).value();
}

inline constexpr std::string_view kKeyArn =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
inline crypto::Sha384 context() {
  return context_digest(kKeyArn, {{"purpose", "signing"}, {"cofferdam:enclave", "vault"}});
}

}  // namespace cofferdam::custody::test

// Expects a Result that failed with this code and reason.
#define EXPECT_REFUSED(result, expected_code, expected_reason)                      \
  do {                                                                              \
    const auto& refused_ = (result);                                                \
    ASSERT_FALSE(refused_.has_value());                                             \
    EXPECT_EQ(refused_.error().code, expected_code) << refused_.error().detail;     \
    EXPECT_EQ(refused_.error().reason, expected_reason) << refused_.error().detail; \
  } while (false)
