// SPDX-License-Identifier: Apache-2.0
#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest_stream.h"

namespace cofferdam::crypto {
namespace {

// FIPS 180-4 examples, for "abc".
TEST(DigestTest, MatchesTheExamplesOfTheStandard) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha384(as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(to_hex(sha512(as_bytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(DigestTest, PartsAreHashedOneAfterTheOther) {
  EXPECT_EQ(sha384({as_bytes("a"), {}, as_bytes("bc")}), sha384(as_bytes("abc")));
  EXPECT_EQ(sha256({as_bytes("ab"), as_bytes("c")}), sha256(as_bytes("abc")));
}

TEST(DigestTest, ADigestChosenAtRunTimeIsTheSame) {
  EXPECT_EQ(digest(Hash::sha256, as_bytes("x")), to_bytes(sha256(as_bytes("x"))));
  EXPECT_EQ(digest(Hash::sha384, as_bytes("x")), to_bytes(sha384(as_bytes("x"))));
  EXPECT_EQ(digest(Hash::sha512, as_bytes("x")), to_bytes(sha512(as_bytes("x"))));
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
    EXPECT_EQ(digest(hash, {}).size(), digest_size(hash));
  }
}

TEST(DigestTest, AStreamOfAnyHashGivesTheDigestOfItsPieces) {
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
    DigestStream stream(hash);
    stream.update(as_bytes("a"));
    stream.update({});
    stream.update(as_bytes("bc"));
    EXPECT_EQ(stream.finish(), digest(hash, as_bytes("abc")));
  }
}

TEST(DigestTest, AStreamGivesTheDigestOfItsPieces) {
  const Bytes data(1000, 0x61);
  for (const std::size_t piece : {1U, 7U, 127U, 128U, 129U, 1000U}) {
    Sha384Stream stream;
    for (std::size_t at = 0; at < data.size(); at += piece) {
      stream.update(ByteView(data).subspan(at, std::min(piece, data.size() - at)));
    }
    EXPECT_EQ(stream.finish(), sha384(data)) << piece;
  }
  EXPECT_EQ(Sha384Stream().finish(), sha384(ByteView{}));
}

TEST(DigestTest, ACopyOfAStreamGoesItsOwnWay) {
  Sha384Stream first;
  first.update(as_bytes("ab"));
  Sha384Stream second = first;
  first.update(as_bytes("c"));
  second.update(as_bytes("d"));
  EXPECT_EQ(first.finish(), sha384(as_bytes("abc")));
  EXPECT_EQ(second.finish(), sha384(as_bytes("abd")));
}

}  // namespace
}  // namespace cofferdam::crypto
