// SPDX-License-Identifier: Apache-2.0
#include "bytes/byte_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace cofferdam {
namespace {

using Octets = std::array<std::uint8_t, 4>;

TEST(ByteReaderTest, ReadsBigEndianIntegersInOrder) {
  constexpr Octets input{0x01, 0x02, 0x03, 0x04};
  ByteReader in(input);
  EXPECT_EQ(in.u16().value(), 0x0102);
  EXPECT_EQ(in.u8().value(), 0x03);
  EXPECT_EQ(in.remaining(), 1u);
}

TEST(ByteReaderTest, RefusedReadConsumesNothing) {
  constexpr Octets input{0x00, 0x09, 0xaa, 0xbb};  // Claims 9 bytes, carries 2.
  ByteReader in(input);
  const auto field = in.prefixed16(/*max_size=*/16);
  ASSERT_FALSE(field.has_value());
  EXPECT_EQ(field.error().code, Errc::invalid_input);
  EXPECT_EQ(in.remaining(), input.size());
}

TEST(ByteReaderTest, EnforcesTheLimitBeforeTheLength) {
  constexpr Octets input{0x00, 0x02, 0xaa, 0xbb};
  ByteReader in(input);
  EXPECT_FALSE(in.prefixed16(/*max_size=*/1).has_value());
  EXPECT_TRUE(in.prefixed16(/*max_size=*/2).has_value());
}

TEST(ByteReaderTest, EveryProperPrefixOfAMessageIsRefused) {
  constexpr Octets message{0x00, 0x02, 0xaa, 0xbb};
  for (std::size_t size = 0; size < message.size(); ++size) {
    ByteReader in(ByteView(message).first(size));
    EXPECT_FALSE(in.prefixed16(16).has_value()) << "prefix of " << size << " bytes";
  }
}

TEST(ByteReaderTest, TrailingBytesAreAnError) {
  constexpr Octets input{0x00, 0x01, 0xaa, 0xbb};
  ByteReader in(input);
  ASSERT_TRUE(in.prefixed16(16).has_value());
  EXPECT_EQ(in.finish().error().code, Errc::invalid_input);
}

TEST(ByteReaderTest, EmptyInputIsFinished) { EXPECT_TRUE(ByteReader({}).finish().has_value()); }

}  // namespace
}  // namespace cofferdam
