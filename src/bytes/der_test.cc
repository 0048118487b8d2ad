// SPDX-License-Identifier: Apache-2.0
#include "bytes/der.h"

#include <gtest/gtest.h>

#include <string>

#include "base/encoding.h"

namespace cofferdam::der {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

TEST(DerTest, ReadsElementsInOrder) {
  const Bytes input =
      hex("020105"
          "0403aabbcc"
          "3000");
  Reader in(input);
  EXPECT_EQ(in.small_integer().value(), 5u);
  EXPECT_EQ(to_hex(in.octet_string().value()), "aabbcc");
  EXPECT_TRUE(in.nested(kSequence).value().empty());
  EXPECT_TRUE(in.finish());
}

TEST(DerTest, ARefusedReadConsumesNothing) {
  const Bytes input = hex("020105");
  Reader in(input);
  EXPECT_FALSE(in.octet_string());
  EXPECT_FALSE(in.element(kSequence));
  EXPECT_EQ(in.optional_element(kNull).value(), std::nullopt);
  EXPECT_EQ(in.small_integer().value(), 5u);
}

TEST(DerTest, LengthsAreDefiniteMinimalAndInsideTheInput) {
  for (const char* bad :
       {"30", "3080", "30800000", "308100", "30817f", "3082", "308200ff", "308400000001",
        "3085000000000100", "3003020105ff", "30ff", "3002ff", "0484ffffffff", "04847fffffff"}) {
    const Bytes input = hex(bad);
    Reader in(input);
    const auto element = in.element();
    EXPECT_TRUE(!element || !in.finish()) << bad;
  }
  Bytes input = hex("048180");
  input.resize(3 + 128);
  EXPECT_EQ(Reader(input).octet_string().value().size(), 128u);
}

TEST(DerTest, EveryTruncationOfALongElementIsRefused) {
  const Bytes input = encode_octet_string(Bytes(300, 7));
  for (std::size_t size = 0; size < input.size(); ++size) {
    EXPECT_FALSE(Reader(ByteView(input).first(size)).element()) << size;
  }
}

TEST(DerTest, TagNumbersAbove30AreRefused) {
  const Bytes input = hex("1f2000");
  EXPECT_FALSE(Reader(input).element());
}

TEST(DerTest, BooleansAreCanonical) {
  const auto read = [](std::string_view text) { return Reader(hex(text)).boolean(); };
  EXPECT_TRUE(read("0101ff").value());
  EXPECT_FALSE(read("010100").value());
  EXPECT_FALSE(read("010101"));
  EXPECT_FALSE(read("0100"));
  EXPECT_FALSE(read("0102ffff"));
}

TEST(DerTest, IntegersAreNonNegativeAndMinimal) {
  const auto read = [](std::string_view text) -> std::string {
    const Bytes input = hex(text);
    const auto value = Reader(input).unsigned_integer(4);
    return value ? to_hex(*value) : "refused";
  };
  EXPECT_EQ(read("020100"), "00");
  EXPECT_EQ(read("02017f"), "7f");
  EXPECT_EQ(read("02020080"), "80");
  EXPECT_EQ(read("020500ffffffff"), "ffffffff");
  EXPECT_EQ(read("0200"), "refused");
  EXPECT_EQ(read("020180"), "refused");
  EXPECT_EQ(read("0202007f"), "refused");
  EXPECT_EQ(read("0202ff80"), "refused");
  EXPECT_EQ(read("02050100000000"), "refused");
}

TEST(DerTest, SmallIntegersEndAt31Bits) {
  const Bytes largest = hex("02047fffffff");
  const Bytes beyond = hex("02050080000000");
  EXPECT_EQ(Reader(largest).small_integer().value(), 0x7fffffffu);
  EXPECT_FALSE(Reader(beyond).small_integer());
}

TEST(DerTest, ObjectIdentifiersAreMinimalAndWhole) {
  const auto accepted = [](std::string_view text) {
    const Bytes input = hex(text);
    return Reader(input).object_identifier().has_value();
  };
  EXPECT_TRUE(accepted("0603551d13"));
  EXPECT_TRUE(accepted("06082a8648ce3d040303"));
  EXPECT_FALSE(accepted("0600"));
  EXPECT_FALSE(accepted("06022a86"));
  EXPECT_FALSE(accepted("0603558001"));
}

TEST(DerTest, BitStringsOfWholeOctetsOnly) {
  const auto accepted = [](std::string_view text) {
    const Bytes input = hex(text);
    return Reader(input).bit_string().has_value();
  };
  EXPECT_TRUE(accepted("030100"));
  EXPECT_TRUE(accepted("030200ff"));
  EXPECT_FALSE(accepted("0300"));
  EXPECT_FALSE(accepted("030201fe"));
}

TEST(DerTest, WhatIsWrittenReadsBack) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U, 65536U}) {
    const Bytes content(size, 0xab);
    const Bytes encoded = encode_octet_string(content);
    Reader in(encoded);
    EXPECT_EQ(to_bytes(in.octet_string().value()), content) << size;
    EXPECT_TRUE(in.finish());
  }
  for (const std::uint32_t value : {0U, 1U, 127U, 128U, 255U, 256U, 0x7fffffffU}) {
    const Bytes encoded = encode_small_integer(value);
    EXPECT_EQ(Reader(encoded).small_integer().value(), value);
  }
}

TEST(DerTest, IdentifiersAreWrittenAsOthersWriteThem) {
  EXPECT_EQ(to_hex(encode_object_identifier("1.2.840.10045.4.3.3")), "06082a8648ce3d040303");
  EXPECT_EQ(to_hex(encode_object_identifier("2.5.29.19")), "0603551d13");
  EXPECT_EQ(to_hex(encode_object_identifier("2.16.840.1.101.3.4.1.42")), "060960864801650304012a");
  EXPECT_EQ(to_hex(encode_object_identifier("2.999.3")), "0603883703");
}

TEST(DerTest, DottedUndoesTheEncoding) {
  for (const std::string_view oid :
       {"0.9.2342", "1.2.840.10045.4.3.3", "2.5.29.19", "2.999.3", "1.3.6.1.4.1.4294967295"}) {
    const Bytes encoded = encode_object_identifier(oid);
    EXPECT_EQ(dotted(Reader(encoded).object_identifier().value()), oid);
  }
}

}  // namespace
}  // namespace cofferdam::der
