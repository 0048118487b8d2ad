// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace cofferdam {
namespace {

TEST(EncodingTest, Base64MatchesTheVectorsOfRfc4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(text)), encoded);
    EXPECT_EQ(from_base64(encoded).value(), to_bytes(text));
  }
}

TEST(EncodingTest, HexIsWrittenInLowerCaseAndReadInEither) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x9f, 0xff}), "009fff");
  EXPECT_EQ(from_hex("009fFF").value(), (Bytes{0x00, 0x9f, 0xff}));
  for (const std::string_view bad : {"0", "0g", "g0", " 00", "00 ", "0x00", "\xc3\xa9"}) {
    EXPECT_EQ(from_hex(bad).error().code, Errc::invalid_input) << bad;
  }
}

TEST(EncodingTest, Base64HasOneSpellingForEachContent) {
  for (const std::string_view bad : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=",
                                     "Z g=", "Zg==\n", "Zg==Zg==", "Zm9v=", "Zm-v", "Zm_v"}) {
    EXPECT_FALSE(from_base64(bad).has_value()) << bad;
    EXPECT_FALSE(secret_from_base64(bad).has_value()) << bad;
  }
  EXPECT_FALSE(from_base64(std::string_view("Zm9v\0\0\0\0", 8)).has_value());
}

TEST(EncodingTest, Base64urlIsUnpaddedAndHasItsOwnAlphabet) {
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
  EXPECT_EQ(from_base64url("-_8").value(), (Bytes{0xfb, 0xff}));
  for (const std::string_view bad : {"-_8=", "+/8", "-_9", "A", "AAAAA"}) {
    EXPECT_FALSE(from_base64url(bad).has_value()) << bad;
  }
}

RC_GTEST_PROP(EncodingTest, EveryEncodingGivesItsBytesBack, (const Bytes& bytes)) {
  RC_ASSERT(from_hex(to_hex(bytes)).value() == bytes);
  RC_ASSERT(from_base64(to_base64(bytes)).value() == bytes);
  RC_ASSERT(from_base64url(to_base64url(bytes)).value() == bytes);
  const Secret secret = Secret::copy_of(bytes);
  const Secret text = secret_to_base64(secret);
  RC_ASSERT(as_text(text.reveal()) == to_base64(bytes));
  RC_ASSERT(secret_from_base64(as_text(text.reveal())).value() == secret);
}

RC_GTEST_PROP(EncodingTest, WhatDecodesEncodesToTheSameText, (const std::string& noise)) {
  if (const auto bytes = from_base64(noise)) RC_ASSERT(to_base64(*bytes) == noise);
  if (const auto bytes = from_base64url(noise)) RC_ASSERT(to_base64url(*bytes) == noise);
}

}  // namespace
}  // namespace cofferdam
