// SPDX-License-Identifier: Apache-2.0
#include "jose/public_jwk.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "crypto/ec.h"
#include "crypto/key_pair.h"
#include "jose/jws.h"

namespace cofferdam::jose {
namespace {

TEST(PublicJwkTest, TheThumbprintIsThatOfRfc7638) {
  // Section 3.1 of the RFC.
  const json::object key{
      {"kty", "RSA"},
      {"n",
       "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
       "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
       "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
       "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"},
      {"e", "AQAB"},
      {"alg", "RS256"},
      {"kid", "2011-04-29"}};
  EXPECT_EQ(thumbprint(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(PublicJwkTest, WhatEachKeySignsItsPublishedFormVerifies) {
  for (const auto kind : {crypto::KeyKind::p256, crypto::KeyKind::rsa_2048}) {
    const auto key = crypto::KeyPair::generate(kind).value();
    const json::object jwk = public_jwk(key.spki()).value();
    const std::string set = json::serialize(json::object{{"keys", json::array{jwk}}});
    const KeySet keys = KeySet::parse(set).value();
    const std::string token = sign_jws({}, as_bytes(std::string_view("{}")), key).value();
    const auto jws = parse_jws(token).value();
    EXPECT_EQ(algorithm_name(jws.algorithm), kind == crypto::KeyKind::p256 ? "ES256" : "RS256");
    EXPECT_TRUE(verify_jws(jws, keys).has_value());
  }
}

TEST(PublicJwkTest, KeysWithoutATokenAlgorithmSignNone) {
  const auto key = crypto::KeyPair::generate(crypto::KeyKind::secp256k1).value();
  EXPECT_FALSE(sign_jws({}, {}, key).has_value());
  EXPECT_FALSE(public_jwk(key.spki()).has_value());
}

TEST(PublicJwkTest, RefusesTrailingBytes) {
  for (const auto kind : {crypto::KeyKind::p256, crypto::KeyKind::rsa_2048}) {
    Bytes spki = crypto::KeyPair::generate(kind).value().spki();
    spki.push_back(0);
    EXPECT_FALSE(public_jwk(spki).has_value());
  }
}

}  // namespace
}  // namespace cofferdam::jose
