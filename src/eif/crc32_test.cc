// SPDX-License-Identifier: Apache-2.0
#include "eif/crc32.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace cofferdam::eif {
namespace {

std::uint32_t crc_of(ByteView data) {
  Crc32 crc;
  crc.update(data);
  return crc.value();
}

TEST(Crc32Test, GivesTheKnownAnswers) {
  EXPECT_EQ(crc_of({}), 0u);
  EXPECT_EQ(crc_of(as_bytes("123456789")), 0xcbf43926u);  // The check value of the CRC catalogue.
  EXPECT_EQ(crc_of(as_bytes("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
  EXPECT_EQ(crc_of(Bytes(32, 0)), 0x190a55adu);
  EXPECT_EQ(crc_of(Bytes(32, 0xff)), 0xff6cab0bu);
}

TEST(Crc32Test, GivesTheKnownAnswersForLongData) {
  Bytes data(1'000'003);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : data) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  // Python's zlib.crc32 over the same bytes.
  const ByteView view = data;
  EXPECT_EQ(crc_of(view), 0xdd14ca25u);
  EXPECT_EQ(crc_of(view.first(64)), 0xbc5eb72du);
  EXPECT_EQ(crc_of(view.subspan(3, 255)), 0x12f7a471u);
}

// Whatever the processor can do for long data, it is what byte after byte gives.
TEST(Crc32Test, LongDataIsBytesOneByOne) {
  Bytes data(700);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * i + 7 * i);
  Crc32 slow;
  for (std::size_t size = 0; size < data.size(); ++size) {
    EXPECT_EQ(crc_of(ByteView(data).first(size)), slow.value()) << size;
    slow.update(ByteView(data).subspan(size, 1));
  }
}

TEST(Crc32Test, DoesNotDependOnHowTheDataIsCut) {
  Bytes data(200);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * i + 7 * i);
  const std::uint32_t whole = crc_of(data);
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    Crc32 crc;
    crc.update(ByteView(data).first(cut));
    crc.update(ByteView(data).subspan(cut));
    EXPECT_EQ(crc.value(), whole) << cut;
  }
}

TEST(Crc32Test, AppendingEqualsGoingOn) {
  const Bytes head = to_bytes("a header that is known last");
  for (const std::size_t size : {0uz, 1uz, 15uz, 16uz, 17uz, 4096uz, 100'003uz}) {
    const Bytes body(size, 0xa5);
    Crc32 whole;
    whole.update(head);
    whole.update(body);
    Crc32 first;
    first.update(head);
    Crc32 second;
    second.update(body);
    first.append(second);
    EXPECT_EQ(first.value(), whole.value()) << size;
    EXPECT_EQ(first.size(), head.size() + size);
    first.update(head);
    whole.update(head);
    EXPECT_EQ(first.value(), whole.value()) << size;
  }
}

}  // namespace
}  // namespace cofferdam::eif
