// SPDX-License-Identifier: Apache-2.0
#include "eif/signing_request.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "eif/test_image.h"

namespace cofferdam::eif {
namespace {

using crypto::Curve;

Measurements some_measurements() {
  Measurements out;
  out.pcr0.fill(0xa0);
  out.pcr1.fill(0xa1);
  out.pcr2.fill(0xa2);
  return out;
}

SigningRequest some_request(Curve curve = Curve::p384) {
  return SigningRequest::make(some_measurements(), test::make_credentials(curve).certificate)
      .value();
}

Result<SigningRequest> parse(const json::value& value) {
  return SigningRequest::parse(json::serialize(value));
}

TEST(SigningRequestTest, IsReadAsItWasWritten) {
  for (const Curve curve : {Curve::p256, Curve::p384, Curve::p521}) {
    const SigningRequest request = some_request(curve);
    const auto again = SigningRequest::parse(pretty_json(request.to_json()));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->image(), request.image());
    EXPECT_EQ(again->certificate_pem(), request.certificate_pem());
    EXPECT_EQ(again->to_be_signed(), request.to_be_signed());
  }
}

TEST(SigningRequestTest, NamesTheBytesTheirHashAndDigest) {
  const json::object object = some_request().to_json();
  EXPECT_EQ(object.at("hash"), "sha384");
  const Bytes input = from_base64(std::string_view(object.at("toBeSigned").as_string())).value();
  EXPECT_EQ(object.at("digest").as_string(), to_hex(crypto::sha384(input)));
  EXPECT_EQ(some_request(Curve::p256).to_json().at("hash"), "sha256");
  EXPECT_EQ(some_request(Curve::p521).to_json().at("hash"), "sha512");
}

TEST(SigningRequestTest, RefusesARequestThatContradictsItself) {
  const json::object sound = some_request().to_json();
  const json::object other =
      SigningRequest::make({}, test::make_credentials(Curve::p256).certificate).value().to_json();
  for (const auto& member : sound) {
    json::object changed = sound;
    changed.erase(member.key());
    EXPECT_FALSE(parse(changed).has_value()) << "without " << member.key();
    changed[member.key()] = 7;
    EXPECT_FALSE(parse(changed).has_value()) << "another type of " << member.key();
    if (other.at(member.key()) == member.value()) continue;
    changed[member.key()] = other.at(member.key());
    EXPECT_EQ(parse(changed).error().reason, "malformed") << "another " << member.key();
  }
  json::object more = sound;
  more["comment"] = "trust me";
  EXPECT_FALSE(parse(more).has_value());
  json::object register_more = sound;
  register_more["measurements"].as_object()["PCR8"] = std::string(96, '0');
  EXPECT_FALSE(parse(register_more).has_value());
}

TEST(SigningRequestTest, RefusesWhatIsNoRequest) {
  const std::string text = json::serialize(some_request().to_json());
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("null"), text + "{}", text.substr(1),
        "{\"type\":\"x\"," + text.substr(1), std::string(kMaxSigningRequestSize + 1, ' ')}) {
    EXPECT_EQ(SigningRequest::parse(bad).error().reason, "malformed");
  }
  json::object short_register = some_request().to_json();
  short_register["measurements"].as_object()["PCR0"] = "00";
  EXPECT_FALSE(parse(short_register).has_value());
  EXPECT_FALSE(SigningRequest::make({}, "no certificate").has_value());
}

class SectionFromSignatureTest : public testing::TestWithParam<Curve> {
 protected:
  test::Credentials signer_ = test::make_credentials(GetParam());
  SigningRequest request_ = SigningRequest::make(some_measurements(), signer_.certificate).value();
  Bytes raw_ = signer_.key.sign(request_.to_be_signed()).value();

  Result<Bytes> section(ByteView signature) const {
    return section_from_signature(signer_.certificate, request_.image().pcr0, signature);
  }
};

TEST_P(SectionFromSignatureTest, TakesBothFormsOfASignature) {
  const Bytes der = crypto::signature_to_der(GetParam(), raw_).value();
  for (const Bytes& signature : {raw_, der}) {
    const auto made = section(signature);
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_TRUE(verify_signature(*made, request_.image().pcr0).has_value());
  }
  EXPECT_EQ(section(raw_).value(), section(der).value());
}

TEST_P(SectionFromSignatureTest, RefusesASignatureOverAnotherImageOrOfAnotherKey) {
  crypto::Sha384 other{};
  const auto of_another_image = section_from_signature(signer_.certificate, other, raw_);
  EXPECT_EQ(of_another_image.error().reason, "bad_signature");
  const test::Credentials stranger = test::make_credentials(GetParam());
  EXPECT_EQ(section(stranger.key.sign(request_.to_be_signed()).value()).error().reason,
            "bad_signature");
  const Bytes wrong_hash =
      signer_.key
          .sign(GetParam() == Curve::p256 ? crypto::Hash::sha384 : crypto::Hash::sha256,
                request_.to_be_signed())
          .value();
  EXPECT_EQ(section(wrong_hash).error().reason, "bad_signature");
}

TEST_P(SectionFromSignatureTest, RefusesWhatIsNoSignature) {
  const Bytes der = crypto::signature_to_der(GetParam(), raw_).value();
  Bytes longer = der;
  longer.push_back(0);
  for (const Bytes& bad : {Bytes(), Bytes(raw_.size()), Bytes(raw_.begin(), raw_.end() - 1), longer,
                           Bytes(der.begin(), der.end() - 1), Bytes(der.size(), 0x30)}) {
    EXPECT_EQ(section(bad).error().reason, "bad_signature");
  }
}

INSTANTIATE_TEST_SUITE_P(EveryCurve, SectionFromSignatureTest,
                         testing::Values(Curve::p256, Curve::p384, Curve::p521));

}  // namespace
}  // namespace cofferdam::eif
