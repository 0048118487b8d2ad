// SPDX-License-Identifier: Apache-2.0
#include "bytes/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam {
namespace {

TEST(Utf8Test, TheFirstAndLastOfEachLengthAreText) {
  for (const std::string_view text :
       {std::string_view("\x00", 1), std::string_view("\x7f"), std::string_view("\xc2\x80"),
        std::string_view("\xdf\xbf"), std::string_view("\xe0\xa0\x80"),
        std::string_view("\xed\x9f\xbf"), std::string_view("\xee\x80\x80"),
        std::string_view("\xef\xbf\xbf"), std::string_view("\xf0\x90\x80\x80"),
        std::string_view("\xf4\x8f\xbf\xbf"), std::string_view("")}) {
    EXPECT_TRUE(is_utf8(text));
  }
}

TEST(Utf8Test, OverlongFormsSurrogatesAndBeyondUnicodeAreNot) {
  for (const std::string_view text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8Test, ContinuationsMustFollowAndOnlyThen) {
  for (const std::string_view text : {"\x80", "\xbf", "a\x80", "\xc2", "\xc2z", "\xe2\x82",
                                      "\xe2z\x82", "\xe2\x82z", "\xf0\x9f\x98", "\xf0\x9f\x98z"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

// The definition, spelled out by code point: RFC 3629 section 3.
std::string encode(std::uint32_t point) {
  const auto octet = [](std::uint32_t value) { return static_cast<char>(value); };
  if (point < 0x80) return {octet(point)};
  if (point < 0x800) return {octet(0xc0 | point >> 6), octet(0x80 | (point & 63))};
  if (point < 0x10000) {
    return {octet(0xe0 | point >> 12), octet(0x80 | (point >> 6 & 63)), octet(0x80 | (point & 63))};
  }
  return {octet(0xf0 | point >> 18), octet(0x80 | (point >> 12 & 63)),
          octet(0x80 | (point >> 6 & 63)), octet(0x80 | (point & 63))};
}

TEST(Utf8Test, EveryCodePointButTheSurrogatesIsText) {
  for (std::uint32_t point = 0; point < 0x120000; ++point) {
    const bool valid = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
    ASSERT_EQ(is_utf8(encode(point)), valid) << point;
  }
}

}  // namespace
}  // namespace cofferdam
