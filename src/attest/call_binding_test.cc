// SPDX-License-Identifier: Apache-2.0
#include "attest/call_binding.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "bytes/cbor.h"

namespace cofferdam::attest {
namespace {

CallBinding sample() {
  return {.operation = "Decrypt",
          .key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234",
          .encryption_context = {{"app", "demo"}, {"b", "1"}, {"cofferdam:purpose", "database"}},
          .ciphertext_digest = crypto::sha384(as_bytes("ciphertext")),
          .parameters = {{"KeySpec", "AES_256"}},
          .counter = 7};
}

TEST(CallBindingTest, ReadsBackWhatItWrote) {
  EXPECT_EQ(CallBinding::decode(sample().encode()).value(), sample());
  CallBinding bare{.operation = "GenerateRandom",
                   .key_arn = "",
                   .encryption_context = {},
                   .ciphertext_digest = std::nullopt,
                   .parameters = {{"NumberOfBytes", "32"}},
                   .counter = ~std::uint64_t{0}};
  EXPECT_EQ(CallBinding::decode(bare.encode()).value(), bare);
}

TEST(CallBindingTest, HasExactlyTheDocumentedBytes) {
  const CallBinding binding{.operation = "GenerateDataKey",
                            .key_arn = "k",
                            .encryption_context = {{"aa", "1"}, {"b", "2"}},
                            .ciphertext_digest = std::nullopt,
                            .parameters = {{"KeySpec", "AES_256"}},
                            .counter = 1};
  EXPECT_EQ(to_hex(binding.encode()),
            "87"
            "71636f6666657264616d2f63616c6c2f7632"  // "cofferdam/call/v2"
            "6f47656e6572617465446174614b6579"      // "GenerateDataKey"
            "616b"                                  // "k"
            "a261626132626161"
            "6131"  // {"b": "2", "aa": "1"}: shorter keys first
            "f6"
            "a1674b657953706563"
            "674145535f323536"  // {"KeySpec": "AES_256"}
            "01");
}

TEST(CallBindingTest, EveryPartChangesTheDigest) {
  const auto digest = sample().digest();
  const auto changed = [&](auto change) {
    CallBinding other = sample();
    change(other);
    return other.digest() != digest;
  };
  EXPECT_TRUE(changed([](CallBinding& b) { b.operation = "GenerateDataKey"; }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.key_arn += "5"; }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.encryption_context["app"] = "other"; }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.encryption_context.erase("app"); }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.ciphertext_digest = std::nullopt; }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.parameters["KeySpec"] = "AES_128"; }));
  EXPECT_TRUE(changed([](CallBinding& b) { b.parameters.clear(); }));
  EXPECT_TRUE(changed([](CallBinding& b) { ++b.counter; }));
}

TEST(CallBindingTest, EveryTruncationAndATrailingByteAreRefused) {
  Bytes bytes = sample().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(CallBinding::decode(ByteView(bytes).first(size))) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(CallBinding::decode(bytes));
}

TEST(CallBindingTest, AMutatedBindingIsRefusedOrAnother) {
  const Bytes bytes = sample().encode();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes mutated = bytes;
      mutated[i] ^= static_cast<std::uint8_t>(1U << bit);
      const auto decoded = CallBinding::decode(mutated);
      if (decoded) EXPECT_NE(*decoded, sample()) << i;
    }
  }
}

TEST(CallBindingTest, OtherEncodingsOfTheSameBindingAreRefused) {
  const auto head = [](cbor::Writer& out) {
    out.array(7).text("cofferdam/call/v2").text("Decrypt").text("k");
  };
  cbor::Writer unsorted;
  head(unsorted);
  unsorted.map(2).text("b").text("").text("a").text("").null().map(0).unsigned_integer(1);
  EXPECT_FALSE(CallBinding::decode(unsorted.view()));
  cbor::Writer sorted;
  head(sorted);
  sorted.map(2).text("a").text("").text("b").text("").null().map(0).unsigned_integer(1);
  EXPECT_TRUE(CallBinding::decode(sorted.view()));
  cbor::Writer long_counter;
  head(long_counter);
  long_counter.map(0).null().map(0).raw(Bytes{0x18, 0x01});
  EXPECT_FALSE(CallBinding::decode(long_counter.view()));
}

TEST(CallBindingTest, AnotherVersionOrShapeIsRefused) {
  cbor::Writer other;
  other.array(6).text("cofferdam/call/v1").text("D").text("k").map(0).null().unsigned_integer(1);
  EXPECT_FALSE(CallBinding::decode(other.view()));
  cbor::Writer short_digest;
  short_digest.array(7).text("cofferdam/call/v2").text("D").text("k").map(0);
  short_digest.bytes(Bytes(32, 1)).map(0).unsigned_integer(1);
  EXPECT_FALSE(CallBinding::decode(short_digest.view()));
}

TEST(CallBindingTest, ABindingOverTheLimitIsRefused) {
  CallBinding large = sample();
  large.encryption_context["x"] = std::string(std::size_t{17} * 1024, 'x');
  EXPECT_FALSE(CallBinding::decode(large.encode()));
}

}  // namespace
}  // namespace cofferdam::attest
