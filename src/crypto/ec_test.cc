// SPDX-License-Identifier: Apache-2.0
#include "crypto/ec.h"

#include <gtest/gtest.h>

#include "crypto/test_support.h"

namespace cofferdam::crypto {
namespace {

using test::Workplace;

class EcTest : public testing::TestWithParam<Curve> {
 protected:
  EcPrivateKey key_ = EcPrivateKey::generate(GetParam()).value();
  Hash hash_ = hash_for(GetParam());
};

TEST_P(EcTest, VerifiesWhatItSigned) {
  const Bytes raw = key_.sign(hash_, as_bytes("message")).value();
  const Bytes der = key_.sign_der(hash_, as_bytes("message")).value();
  EXPECT_EQ(raw.size(), 2 * coordinate_size(GetParam()));
  EXPECT_TRUE(key_.public_key().verify(hash_, as_bytes("message"), raw).has_value());
  EXPECT_TRUE(key_.public_key().verify_der(hash_, as_bytes("message"), der).has_value());
  const Bytes digest_of = digest(hash_, as_bytes("message"));
  EXPECT_TRUE(key_.public_key().verify_digest(digest_of, raw).has_value());
}

TEST_P(EcTest, SignaturesChangeTheirFormAndBack) {
  const Bytes raw = key_.sign(as_bytes("message")).value();
  const Bytes der = signature_to_der(GetParam(), raw).value();
  EXPECT_TRUE(key_.public_key().verify_der(hash_, as_bytes("message"), der).has_value());
  EXPECT_EQ(signature_from_der(GetParam(), der).value(), raw);
}

TEST_P(EcTest, RefusesToConvertWhatIsNoSignatureOfTheCurve) {
  const Bytes raw = key_.sign(as_bytes("message")).value();
  const Bytes der = signature_to_der(GetParam(), raw).value();
  EXPECT_FALSE(signature_to_der(GetParam(), ByteView(raw).first(raw.size() - 1)).has_value());
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(signature_from_der(GetParam(), ByteView(der).first(size)).has_value());
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(signature_from_der(GetParam(), longer).has_value());
  if (GetParam() != Curve::p521) {
    const Bytes large = signature_to_der(Curve::p521, Bytes(132, 0x01)).value();
    EXPECT_FALSE(signature_from_der(GetParam(), large).has_value());
  }
}

TEST_P(EcTest, RefusesEveryChangedByteAndLength) {
  const EcPublicKey key = key_.public_key();
  const Bytes raw = key_.sign(hash_, as_bytes("message")).value();
  for (std::size_t at = 0; at < raw.size(); ++at) {
    Bytes changed = raw;
    changed[at] ^= 1;
    EXPECT_EQ(key.verify(hash_, as_bytes("message"), changed).error().code, Errc::unauthenticated);
  }
  for (std::size_t size = 0; size < raw.size(); size += 7) {
    EXPECT_FALSE(key.verify(hash_, as_bytes("message"), ByteView(raw).first(size)).has_value());
  }
  Bytes longer = raw;
  longer.push_back(0);
  EXPECT_FALSE(key.verify(hash_, as_bytes("message"), longer).has_value());
  EXPECT_FALSE(key.verify(hash_, as_bytes("massage"), raw).has_value());
  EXPECT_FALSE(key.verify(hash_, as_bytes("message"), Bytes(raw.size())).has_value());
  const EcPublicKey other = EcPrivateKey::generate(GetParam()).value().public_key();
  EXPECT_FALSE(other.verify(hash_, as_bytes("message"), raw).has_value());
}

TEST_P(EcTest, KeysSurviveTheirEncodings) {
  const Bytes spki = key_.public_key().spki();
  EXPECT_EQ(EcPublicKey::from_spki(spki).value().spki(), spki);
  EXPECT_EQ(EcPrivateKey::from_pem(key_.to_pem()).value().public_key().spki(), spki);
  EXPECT_EQ(EcPrivateKey::from_pkcs8(key_.to_pkcs8()).value().public_key().spki(), spki);
  const ByteView point = ByteView(spki).last(1 + 2 * coordinate_size(GetParam()));
  EXPECT_EQ(EcPublicKey::from_point(GetParam(), point).value().spki(), spki);
}

TEST_P(EcTest, RefusesPublicKeysThatAreCutExtendedOrOffTheCurve) {
  const Bytes spki = key_.public_key().spki();
  for (std::size_t size = 0; size < spki.size(); ++size) {
    EXPECT_FALSE(EcPublicKey::from_spki(ByteView(spki).first(size)).has_value()) << size;
  }
  Bytes changed = spki;
  changed.push_back(0);
  EXPECT_FALSE(EcPublicKey::from_spki(changed).has_value());
  changed = spki;
  changed.back() ^= 1;
  EXPECT_FALSE(EcPublicKey::from_spki(changed).has_value());
  EXPECT_FALSE(EcPublicKey::from_point(GetParam(), Bytes{0}).has_value()) << "infinity";
}

TEST_P(EcTest, OpensslVerifiesOurSignaturesAndWeItsOwn) {
  const Workplace workplace;
  if (!workplace.run("openssl version")) GTEST_SKIP() << "no openssl command";
  const std::string hash_name = hash_ == Hash::sha256   ? "-sha256"
                                : hash_ == Hash::sha384 ? "-sha384"
                                                        : "-sha512";
  workplace.save("key.pem", key_.to_pem().reveal());
  workplace.save("message", as_bytes("message"));
  workplace.save("ours", key_.sign_der(hash_, as_bytes("message")).value());
  EXPECT_TRUE(workplace.run("openssl pkey -in key.pem -pubout -out public.pem && openssl dgst " +
                            hash_name + " -verify public.pem -signature ours message"))
      << workplace.output();
  ASSERT_TRUE(workplace.run("openssl dgst " + hash_name + " -sign key.pem -out theirs message"));
  EXPECT_TRUE(key_.public_key()
                  .verify_der(hash_, as_bytes("message"), workplace.load("theirs"))
                  .has_value());
  ASSERT_TRUE(workplace.run("openssl ec -in key.pem -out sec1.pem"));
  EXPECT_EQ(EcPrivateKey::from_pem(Secret::copy_of(workplace.load("sec1.pem"))).value().curve(),
            GetParam());
}

INSTANTIATE_TEST_SUITE_P(EveryCurve, EcTest,
                         testing::Values(Curve::p256, Curve::p384, Curve::p521));

TEST(EcKeyTest, RefusesOtherKindsOfKey) {
  const Workplace workplace;
  if (!workplace.run("openssl version")) GTEST_SKIP() << "no openssl command";
  for (const std::string make :
       {"openssl genpkey -algorithm ed25519", "openssl genrsa 2048",
        "openssl ecparam -genkey -noout -name secp256k1",
        "openssl ecparam -genkey -name secp384r1 | openssl ec -aes128 -passout pass:x"}) {
    ASSERT_TRUE(workplace.run(make + " >key.pem 2>/dev/null && cp key.pem key")) << make;
    const auto key = EcPrivateKey::from_pem(Secret::copy_of(workplace.load("key")));
    EXPECT_FALSE(key.has_value()) << make;
  }
  ASSERT_TRUE(
      workplace.run("openssl ecparam -genkey -noout -name secp384r1 -param_enc explicit "
                    "-out key.pem && openssl pkey -in key.pem -pubout -outform der "
                    "-out spki.der"));
  EXPECT_FALSE(EcPublicKey::from_spki(workplace.load("spki.der")).has_value())
      << "a curve written out in full instead of named";
  EXPECT_FALSE(EcPrivateKey::from_pem(Secret()).has_value());
  EXPECT_FALSE(EcPrivateKey::from_pem(Secret::copy_of(as_bytes("not PEM"))).has_value());
}

}  // namespace
}  // namespace cofferdam::crypto
