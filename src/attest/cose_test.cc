// SPDX-License-Identifier: Apache-2.0
#include "attest/cose.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "attest/reason.h"
#include "attest/test_pki.h"
#include "attest/test_support.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::attest {
namespace {

constexpr std::size_t kMaxSize = 4096;
const Bytes kPayload = to_bytes("This is the content.");
const Bytes kEs384Header{0xa1, 0x01, 0x38, 0x22};

// The four parts, each already encoded.
Bytes message(ByteView protected_header, ByteView unprotected, ByteView payload,
              ByteView signature) {
  return test::encoded([&](cbor::Writer& w) {
    w.array(4).raw(protected_header).raw(unprotected).raw(payload).raw(signature);
  });
}

Bytes byte_string(ByteView content) {
  return test::encoded([&](cbor::Writer& w) { w.bytes(content); });
}

Bytes with_header(ByteView protected_header) {
  return message(byte_string(protected_header), Bytes{0xa0}, byte_string(kPayload),
                 byte_string(Bytes(96, 1)));
}

// "parsed" or the reason code.
std::string judge_shape(ByteView bytes) {
  const auto parsed = parse_cose_sign1(bytes, kMaxSize);
  return parsed ? "parsed" : std::string(parsed.error().reason);
}

TEST(CoseTest, WhatEachCurveSignsItsKeyVerifies) {
  for (const auto curve : {crypto::Curve::p256, crypto::Curve::p384, crypto::Curve::p521}) {
    const auto key = crypto::EcPrivateKey::generate(curve).value();
    const Bytes bytes = sign_cose_sign1(kPayload, key).value();
    const CoseSign1 parsed = parse_cose_sign1(bytes, kMaxSize).value();
    EXPECT_EQ(to_bytes(parsed.payload), kPayload);
    EXPECT_EQ(parsed.signature.size(), 2 * crypto::coordinate_size(curve));
    EXPECT_TRUE(verify_cose_sign1(parsed, key.public_key()));
  }
}

TEST(CoseTest, AKeyOfAnotherCurveIsAWrongAlgorithm) {
  const Bytes bytes = sign_cose_sign1(kPayload, test::key_of(test::kLeaf)).value();
  const auto p256 = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  const Status verified =
      verify_cose_sign1(parse_cose_sign1(bytes, kMaxSize).value(), p256.public_key());
  EXPECT_EQ(verified.error().reason, reason::kWrongAlgorithm);
}

TEST(CoseTest, AnAssembledMessageIsLikeASignedOne) {
  const auto& key = test::key_of(test::kLeaf);
  const Bytes input = cose_signature_input(crypto::Curve::p384, kPayload);
  const Bytes signature = key.sign(crypto::Hash::sha384, input).value();
  const Bytes bytes = assemble_cose_sign1(crypto::Curve::p384, kPayload, signature);
  EXPECT_TRUE(verify_cose_sign1(parse_cose_sign1(bytes, kMaxSize).value(), key.public_key()));
}

TEST(CoseTest, Tag18IsOptionalAndNoOtherTagWillDo) {
  const Bytes plain = with_header(kEs384Header);
  EXPECT_EQ(judge_shape(plain), "parsed");
  for (const std::uint64_t tag : {17U, 18U, 19U, 98U, 55799U}) {
    const Bytes tagged = test::encoded([&](cbor::Writer& w) { w.tag(tag).raw(plain); });
    EXPECT_EQ(judge_shape(tagged), tag == 18 ? "parsed" : reason::kMalformed) << tag;
  }
  const Bytes twice = test::encoded([&](cbor::Writer& w) { w.tag(18).tag(18).raw(plain); });
  EXPECT_EQ(judge_shape(twice), reason::kMalformed);
}

TEST(CoseTest, TheEnvelopeHasOneEncoding) {
  const Bytes plain = with_header(kEs384Header);
  Bytes indefinite = plain;
  indefinite.front() = 0x9f;
  indefinite.push_back(0xff);
  EXPECT_EQ(judge_shape(indefinite), reason::kMalformed);
  Bytes long_head = plain;
  long_head.front() = 0x98;
  long_head.insert(long_head.begin() + 1, 0x04);
  EXPECT_EQ(judge_shape(long_head), reason::kMalformed);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa1, 0x01, 0x39, 0x00, 0x22})), reason::kMalformed);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xbf, 0x01, 0x38, 0x22, 0xff})), reason::kMalformed);
}

TEST(CoseTest, TheUnprotectedHeaderIsAnEmptyMap) {
  for (const Bytes& header : {Bytes{0xf6}, Bytes{0x80}, Bytes{0xa1, 0x04, 0x40}, Bytes{0x40}}) {
    const Bytes bytes = message(byte_string(kEs384Header), header, byte_string(kPayload),
                                byte_string(Bytes(96, 1)));
    EXPECT_EQ(judge_shape(bytes), reason::kMalformed);
  }
}

TEST(CoseTest, TheProtectedHeaderHoldsTheAlgorithmAndNothingElse) {
  EXPECT_EQ(judge_shape(with_header({})), reason::kWrongAlgorithm);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa0})), reason::kWrongAlgorithm);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa1, 0x04, 0x26})), reason::kWrongAlgorithm);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa1, 0x01, 0x65, 'E', 'S', '3', '8', '4'})),
            reason::kWrongAlgorithm);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa1, 0x01, 0x27})), reason::kWrongAlgorithm);  // EdDSA
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa2, 0x01, 0x38, 0x22, 0x04, 0x40})),
            reason::kMalformed);
  EXPECT_EQ(judge_shape(with_header(Bytes{0x80})), reason::kMalformed);
  EXPECT_EQ(judge_shape(with_header(Bytes{0xa1, 0x01, 0x38, 0x22, 0x00})), reason::kMalformed);
}

TEST(CoseTest, PayloadAndSignatureAreByteStrings) {
  const Bytes header = byte_string(kEs384Header);
  const Bytes payload = byte_string(kPayload);
  const Bytes null{0xf6};
  EXPECT_EQ(judge_shape(message(header, Bytes{0xa0}, null, payload)), reason::kMalformed);
  EXPECT_EQ(judge_shape(message(header, Bytes{0xa0}, payload, null)), reason::kMalformed);
  EXPECT_EQ(judge_shape(message(kEs384Header, Bytes{0xa0}, payload, payload)), reason::kMalformed);
}

TEST(CoseTest, AMessageOverTheLimitIsRefusedUnread) {
  const Bytes bytes = with_header(kEs384Header);
  EXPECT_TRUE(parse_cose_sign1(bytes, bytes.size()));
  EXPECT_EQ(parse_cose_sign1(bytes, bytes.size() - 1).error().reason, reason::kMalformed);
}

// The suite of the COSE working group. Its messages carry a key id in the unprotected
// header, which we refuse; `without_key_id` shows what is said of the rest.
class CoseWorkingGroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(test::vectors_folder() / "cose-wg")) GTEST_SKIP();
  }

  static json::object load(const std::string& name) {
    const Bytes text = test::read(test::vectors_folder() / "cose-wg" / name);
    return parse_json(as_text(text), 1 << 20).value().as_object();
  }
  static Bytes message_of(const json::object& vector) {
    return from_hex(vector.at("output").at("cbor").as_string()).value();
  }
  static crypto::EcPublicKey key_of(const json::object& vector) {
    const json::object& key = vector.at("input").at("sign0").at("key").as_object();
    const std::string_view name = key.at("crv").as_string();
    const auto curve = name == "P-256"   ? crypto::Curve::p256
                       : name == "P-384" ? crypto::Curve::p384
                                         : crypto::Curve::p521;
    Bytes point{0x04};
    for (const char* coordinate : {"x", "y"}) {
      const Bytes part = from_base64url(key.at(coordinate).as_string()).value();
      point.insert(point.end(), part.begin(), part.end());
    }
    return crypto::EcPublicKey::from_point(curve, point).value();
  }
  static Bytes without_key_id(ByteView bytes) {
    const cbor::Item root = cbor::parse(bytes).value();
    const bool tagged = root.type() == cbor::Type::tag;
    const auto parts = (tagged ? *root.tagged().value() : root).array().value();
    cbor::Writer out;
    if (tagged) out.tag(root.tag_number().value());
    out.array(4).raw(parts[0].encoded()).map(0).raw(parts[2].encoded()).raw(parts[3].encoded());
    return std::move(out).take();
  }
  static std::string judge(const json::object& vector) {
    const Bytes bytes = without_key_id(message_of(vector));
    const auto parsed = parse_cose_sign1(bytes, kMaxSize);
    if (!parsed) return std::string(parsed.error().reason);
    const Status verified = verify_cose_sign1(*parsed, key_of(vector));
    return verified ? "accepted" : std::string(verified.error().reason);
  }
};

TEST_F(CoseWorkingGroupTest, EachMessageHasItsVerdict) {
  const std::map<std::string, std::string_view> verdicts{
      {"ecdsa-examples/ecdsa-sig-01.json", reason::kMalformed},  // A content type is protected.
      {"ecdsa-examples/ecdsa-sig-02.json", "accepted"},
      {"ecdsa-examples/ecdsa-sig-03.json", "accepted"},
      {"ecdsa-examples/ecdsa-sig-04.json", reason::kWrongAlgorithm},  // ES512 with P-256.
      {"sign1-tests/sign-pass-01.json", reason::kWrongAlgorithm},     // Nothing is protected.
      {"sign1-tests/sign-pass-02.json", reason::kBadSignature},       // External data.
      {"sign1-tests/sign-pass-03.json", "accepted"},
      {"sign1-tests/sign-fail-01.json", reason::kMalformed},
      {"sign1-tests/sign-fail-02.json", reason::kBadSignature},
      {"sign1-tests/sign-fail-03.json", reason::kWrongAlgorithm},
      {"sign1-tests/sign-fail-04.json", reason::kWrongAlgorithm},
      {"sign1-tests/sign-fail-06.json", reason::kMalformed},
      {"sign1-tests/sign-fail-07.json", reason::kBadSignature},
  };
  for (const auto& [name, verdict] : verdicts) {
    const json::object vector = load(name);
    EXPECT_EQ(judge_shape(message_of(vector)), reason::kMalformed) << name;
    EXPECT_EQ(judge(vector), verdict) << name;
  }
}

TEST_F(CoseWorkingGroupTest, WeSignTheSameBytes) {
  const json::object p384 = load("ecdsa-examples/ecdsa-sig-02.json");
  const Bytes expected = from_hex(p384.at("intermediates").at("ToBeSign_hex").as_string()).value();
  EXPECT_EQ(cose_signature_input(crypto::Curve::p384, kPayload), expected);
}

}  // namespace
}  // namespace cofferdam::attest
