// SPDX-License-Identifier: Apache-2.0
#include "bytes/cbor.h"

#include <cbor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"

namespace cofferdam::cbor {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

bool accepts(std::string_view text, const Limits& limits = {}) {
  return parse(hex(text), limits).has_value();
}

// --- Integers, strings, simple values ---

TEST(CborTest, IntegersReachBothEndsOfTheirRange) {
  const Bytes largest = hex("1bffffffffffffffff");
  EXPECT_EQ(parse(largest).value().unsigned_integer().value(), ~std::uint64_t{0});
  EXPECT_FALSE(parse(largest).value().integer());
  EXPECT_EQ(parse(hex("1b7fffffffffffffff")).value().integer().value(), INT64_MAX);
  EXPECT_EQ(parse(hex("3b7fffffffffffffff")).value().integer().value(), INT64_MIN);
  EXPECT_FALSE(parse(hex("3b8000000000000000")).value().integer());
  EXPECT_FALSE(parse(hex("20")).value().unsigned_integer());
}

TEST(CborTest, AnItemIsOnlyOfItsOwnType) {
  const Item number = parse(hex("01")).value();
  EXPECT_FALSE(number.bytes());
  EXPECT_FALSE(number.text());
  EXPECT_FALSE(number.array());
  EXPECT_FALSE(number.map());
  EXPECT_FALSE(number.boolean());
  EXPECT_FALSE(number.tagged());
  EXPECT_FALSE(number.tag_number());
  EXPECT_EQ(number.find("a"), nullptr);
  EXPECT_EQ(number.bytes().error().detail,
            "CBOR: expected a byte string, found an unsigned integer");
}

TEST(CborTest, FindsKeysByTextAndNumberAndNeverAcrossTypes) {
  const Bytes input =
      hex("a4"
          "01"
          "f5"
          "20"
          "f4"
          "6131"
          "00"
          "4131"
          "02");
  const Item map = parse(input).value();
  EXPECT_TRUE(map.find(1)->boolean().value());
  EXPECT_FALSE(map.find(-1)->boolean().value());
  EXPECT_EQ(map.find("1")->unsigned_integer().value(), 0u);
  EXPECT_EQ(map.find("2"), nullptr);
  EXPECT_EQ(map.find(0), nullptr);
}

TEST(CborTest, EncodedIsWhatAnItemWasReadFrom) {
  const Bytes input =
      hex("82"
          "1901f4"
          "a1616102");
  const Item root = parse(input).value();
  EXPECT_EQ(to_hex(root.encoded()), to_hex(input));
  EXPECT_EQ(to_hex(root.array().value()[0].encoded()), "1901f4");
  EXPECT_EQ(to_hex(root.array().value()[1].encoded()), "a1616102");
}

// --- Refusals ---

TEST(CborTest, EveryTruncationIsRefused) {
  const Bytes input =
      hex("84"
          "1a000f4240"
          "626869"
          "a2018101"
          "0241ff"
          "c24101");
  ASSERT_TRUE(parse(input));
  for (std::size_t size = 0; size < input.size(); ++size) {
    EXPECT_FALSE(parse(ByteView(input).first(size))) << size;
  }
}

TEST(CborTest, TrailingBytesAreRefused) {
  EXPECT_FALSE(accepts("0000"));
  EXPECT_FALSE(accepts("9fff00"));
  EXPECT_FALSE(accepts("ff"));
}

TEST(CborTest, ReservedLengthsAndSimpleValuesAreRefused) {
  for (const char* reserved :
       {"1c", "1d", "1e", "1f", "3f", "dc", "df", "5c", "fc", "f800", "f81f"}) {
    EXPECT_FALSE(accepts(reserved)) << reserved;
  }
  EXPECT_TRUE(accepts("f820"));
}

TEST(CborTest, ChunkedStringsAreRefused) {
  EXPECT_FALSE(accepts("5f4101ff"));
  EXPECT_FALSE(accepts("7f6161ff"));
  EXPECT_FALSE(accepts("5fff"));
}

TEST(CborTest, TextMustBeUtf8) {
  EXPECT_TRUE(accepts("62c3bc"));
  EXPECT_FALSE(accepts("61ff"));
  EXPECT_FALSE(accepts("62c080"));
}

TEST(CborTest, DuplicateKeysAreRefusedInAnyEncoding) {
  EXPECT_FALSE(accepts("a201000101"));
  EXPECT_FALSE(accepts("a20100180101"));
  EXPECT_FALSE(accepts("a2616100616101"));
  EXPECT_FALSE(
      accepts("bf616100780161"
              "01ff"));
  EXPECT_FALSE(accepts("a2f500f501"));
  EXPECT_FALSE(
      accepts("a281010081"
              "0101"));
  EXPECT_TRUE(accepts("a2616100416101"));  // Text and bytes are different keys.
  EXPECT_TRUE(accepts("a201002001"));      // 1 and -2 too.
}

TEST(CborTest, AnOddMapIsRefused) {
  EXPECT_FALSE(accepts("bf01ff"));
  EXPECT_FALSE(accepts("a101"));
}

TEST(CborTest, LengthsAreComparedWithTheInputBeforeAnythingIsAllocated) {
  for (const char* lie :
       {"5b7fffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff", "9b7fffffffffffffff",
        "9bffffffffffffffff", "bb7fffffffffffffff", "bbffffffffffffffff", "bb800000000000000000",
        "9a00000100", "ba00000002010203"}) {
    EXPECT_FALSE(accepts(lie)) << lie;
  }
}

TEST(CborTest, DepthIsLimitedForArraysMapsAndTags) {
  const Limits limits{.max_depth = 3};
  EXPECT_TRUE(accepts("81818100", limits));
  EXPECT_FALSE(accepts("8181818100", limits));
  EXPECT_TRUE(accepts("c1c1c100", limits));
  EXPECT_FALSE(accepts("c1c1c1c100", limits));
  EXPECT_FALSE(accepts("a100a100a100a10000", limits));
  EXPECT_FALSE(accepts("9f9f9f9f00ffffffff", limits));
  Bytes deep(100000, 0x81);
  EXPECT_FALSE(parse(deep, {.max_size = 200000}));
}

TEST(CborTest, ItemsAreLimitedInAllNotInEachContainer) {
  const Limits limits{.max_items = 5};
  EXPECT_TRUE(accepts("8400000000", limits));
  EXPECT_FALSE(accepts("850000000000", limits));
  EXPECT_FALSE(accepts("9f0000000000ff", limits));
  EXPECT_TRUE(accepts("8281008100", limits));
  EXPECT_FALSE(accepts("828100820000", limits));
}

TEST(CborTest, SizeIsLimited) {
  EXPECT_TRUE(accepts("420000", {.max_size = 3}));
  EXPECT_FALSE(accepts("43000000", {.max_size = 3}));
}

TEST(CborTest, StrictLimitsRefuseIndefiniteLengthsAndLongHeads) {
  const Limits strict{.allow_indefinite = false, .allow_long_heads = false};
  EXPECT_FALSE(accepts("9fff", strict));
  EXPECT_FALSE(accepts("bfff", strict));
  for (const char* long_head : {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817",
                                "580101", "780161", "980100", "b8010000", "d80100"}) {
    EXPECT_TRUE(accepts(long_head)) << long_head;
    EXPECT_FALSE(accepts(long_head, strict)) << long_head;
  }
  for (const char* shortest : {"17", "1818", "190100", "1a00010000", "1b0000000100000000"}) {
    EXPECT_TRUE(accepts(shortest, strict)) << shortest;
  }
}

// --- Writer ---

TEST(CborTest, TheWriterUsesTheShortestHeads) {
  Writer out;
  out.unsigned_integer(23).unsigned_integer(24).unsigned_integer(255).unsigned_integer(256);
  out.unsigned_integer(65535).unsigned_integer(65536).unsigned_integer(0xffffffff);
  out.unsigned_integer(0x100000000).integer(-1).integer(-25).integer(INT64_MIN);
  EXPECT_EQ(to_hex(out.view()),
            "17"
            "1818"
            "18ff"
            "190100"
            "19ffff"
            "1a00010000"
            "1affffffff"
            "1b0000000100000000"
            "20"
            "3818"
            "3b7fffffffffffffff");
}

// --- Against others ---

struct Release {
  void operator()(cbor_item_t* item) const { cbor_decref(&item); }
};
using LibcborItem = std::unique_ptr<cbor_item_t, Release>;

// What libcbor makes of the whole input, or nothing.
LibcborItem libcbor_parse(ByteView input) {
  cbor_load_result result{};
  LibcborItem item(cbor_load(input.data(), input.size(), &result));
  if (result.error.code != CBOR_ERR_NONE || result.read != input.size()) return nullptr;
  return item;
}

bool same_string(ByteView ours, const unsigned char* data, std::size_t size) {
  return std::ranges::equal(ours, ByteView(data, size));
}

bool same(const Item& ours, cbor_item_t* theirs);

bool same_children(std::span<const Item> ours, cbor_item_t* theirs) {
  if (cbor_isa_array(theirs)) {
    if (ours.size() != cbor_array_size(theirs)) return false;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const LibcborItem child(cbor_array_get(theirs, i));
      if (!same(ours[i], child.get())) return false;
    }
    return true;
  }
  if (!cbor_isa_map(theirs) || ours.size() != 2 * cbor_map_size(theirs)) return false;
  const cbor_pair* const pairs = cbor_map_handle(theirs);
  for (std::size_t i = 0; i < ours.size(); i += 2) {
    if (!same(ours[i], pairs[i / 2].key) || !same(ours[i + 1], pairs[i / 2].value)) return false;
  }
  return true;
}

bool same(const Item& ours, cbor_item_t* theirs) {
  switch (ours.type()) {
    case Type::unsigned_integer:
      return cbor_isa_uint(theirs) && cbor_get_int(theirs) == *ours.unsigned_integer();
    case Type::negative_integer:
      return cbor_isa_negint(theirs) &&
             (!ours.integer() ||
              cbor_get_int(theirs) == static_cast<std::uint64_t>(-1 - *ours.integer()));
    case Type::bytes:
      return cbor_isa_bytestring(theirs) &&
             same_string(*ours.bytes(), cbor_bytestring_handle(theirs),
                         cbor_bytestring_length(theirs));
    case Type::text:
      return cbor_isa_string(theirs) &&
             same_string(as_bytes(*ours.text()), cbor_string_handle(theirs),
                         cbor_string_length(theirs));
    case Type::array:
      return cbor_isa_array(theirs) && same_children(*ours.array(), theirs);
    case Type::map:
      return same_children(*ours.map(), theirs);
    case Type::tag: {
      if (!cbor_isa_tag(theirs) || cbor_tag_value(theirs) != *ours.tag_number()) return false;
      const LibcborItem inside(cbor_tag_item(theirs));
      return same(**ours.tagged(), inside.get());
    }
    case Type::boolean:
      return cbor_is_bool(theirs) && cbor_get_bool(theirs) == *ours.boolean();
    case Type::null:
      return cbor_is_null(theirs);
    case Type::undefined:
      return cbor_is_undef(theirs);
    case Type::floating:
      return cbor_is_float(theirs);
    case Type::simple:
      return cbor_isa_float_ctrl(theirs);
  }
  return false;
}

// libcbor 0.8 refuses what no registry had assigned when it was written: one-octet tags from 6
// to 20 and most simple values. The RFC has both well-formed.
bool libcbor_knows(const Item& item) {
  if (item.type() == Type::simple) return false;
  if (item.type() == Type::tag) {
    const std::uint64_t number = *item.tag_number();
    return (number < 6 || number > 20) && libcbor_knows(**item.tagged());
  }
  const auto children = item.type() == Type::map ? item.map() : item.array();
  return !children || std::ranges::all_of(*children, libcbor_knows);
}

TEST(CborOracleTest, WhatWeAcceptLibcborReadsTheSame) {
  // The same inputs in every run: NOLINTNEXTLINE(cert-msc32-c,cert-msc51-cpp)
  std::mt19937_64 random(20260131);
  const Bytes seed =
      hex("87"
          "1a000f4240"
          "3901f3"
          "420102"
          "62c3bc"
          "a201f5616bf6"
          "c180"
          "bf616101ff");
  std::size_t accepted = 0;
  for (int round = 0; round < 100000; ++round) {
    Bytes input = seed;
    for (std::uint64_t edits = random() % 4 + 1; edits > 0; --edits) {
      input[random() % input.size()] = static_cast<std::uint8_t>(random());
    }
    const auto ours = parse(input);
    if (!ours || !libcbor_knows(*ours)) continue;
    ++accepted;
    const LibcborItem theirs = libcbor_parse(input);
    ASSERT_NE(theirs, nullptr) << to_hex(input);
    ASSERT_TRUE(same(*ours, theirs.get())) << to_hex(input);
  }
  EXPECT_GT(accepted, 5000u);
}

// RFC 8949 appendix A.
class CborAppendixTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const folder = std::getenv("COFFERDAM_VECTORS");
    const std::filesystem::path path =
        std::filesystem::path(folder != nullptr ? folder : "../shared/vectors") / "cbor";
    if (!std::filesystem::exists(path)) GTEST_SKIP();
    const std::string text = read_text_file(path / "appendix_a.json", 1 << 20).value();
    const json::value examples = parse_json(text, text.size()).value();
    for (const json::value& entry : examples.as_array()) {
      examples_.push_back({.hex = entry.at("hex").as_string().c_str(),
                           .shortest = entry.at("roundtrip").as_bool()});
    }
  }

  struct Example {
    std::string hex;
    bool shortest;
  };
  std::vector<Example> examples_;
};

bool is_refused_by_design(std::string_view example) {
  return example.starts_with("5f") || example.starts_with("7f") ||  // Chunked strings.
         example == "f818";  // Valid in RFC 7049, not in RFC 8949 section 3.3.
}

TEST_F(CborAppendixTest, EveryExampleIsReadOrRefusedByDesign) {
  EXPECT_EQ(examples_.size(), 82u);
  for (const Example& example : examples_) {
    EXPECT_EQ(accepts(example.hex), !is_refused_by_design(example.hex)) << example.hex;
  }
}

TEST_F(CborAppendixTest, ExamplesInShortestFormPassTheStrictLimitsAndNoOthers) {
  const Limits strict{.allow_indefinite = false, .allow_long_heads = false};
  for (const Example& example : examples_) {
    const Bytes bytes = hex(example.hex);
    if (is_refused_by_design(example.hex) || (bytes[0] >= 0xf9 && bytes[0] <= 0xfb)) continue;
    EXPECT_EQ(parse(bytes, strict).has_value(), example.shortest) << example.hex;
  }
}

TEST_F(CborAppendixTest, LibcborReadsEveryExampleTheSame) {
  for (const Example& example : examples_) {
    const Bytes bytes = hex(example.hex);
    const auto ours = parse(bytes);
    if (!ours || !libcbor_knows(*ours)) continue;
    const LibcborItem theirs = libcbor_parse(bytes);
    ASSERT_NE(theirs, nullptr) << example.hex;
    EXPECT_TRUE(same(*ours, theirs.get())) << example.hex;
  }
}

}  // namespace
}  // namespace cofferdam::cbor
