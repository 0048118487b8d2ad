// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "attest/test_pki.h"
#include "attest/test_support.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "crypto/pem.h"

namespace cofferdam::attest {
namespace {

TEST(TrustRootTest, TheCompiledInRootIsTheOneAwsPublishes) {
  EXPECT_EQ(to_hex(crypto::sha256(TrustRoot::aws().der())),
            "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b");
}

TEST(TrustRootTest, ThePemOfAwsIsTheSameRoot) {
  const auto path = test::vectors_folder() / "aws-nitro-root-g1.pem";
  if (!std::filesystem::exists(path)) GTEST_SKIP();
  const Bytes pem = test::read(path);
  const TrustRoot root = TrustRoot::from_pem(as_text(pem)).value();
  EXPECT_EQ(to_bytes(root.der()), to_bytes(TrustRoot::aws().der()));
}

TEST(TrustRootTest, ALeafIsNoRoot) { EXPECT_FALSE(TrustRoot::from_der(test::issue().leaf)); }

TEST(TrustRootTest, AKeyThatIsNoPointOfTheCurveIsRefused) {
  Bytes der = test::issue().cabundle.front();
  const Bytes spki = test::key_of(test::kRoot).public_key().spki();
  const auto found = std::search(der.begin(), der.end(), spki.begin(), spki.end());
  ASSERT_NE(found, der.end());
  *(found + static_cast<std::ptrdiff_t>(spki.size()) - 1) ^= 1;
  EXPECT_FALSE(TrustRoot::from_der(der));
}

TEST(TrustRootTest, APemFileHoldsExactlyOneCertificate) {
  const std::string pem = crypto::pem_encode("CERTIFICATE", TrustRoot::aws().der());
  EXPECT_TRUE(TrustRoot::from_pem(pem));
  EXPECT_FALSE(TrustRoot::from_pem(pem + pem));
  EXPECT_FALSE(TrustRoot::from_pem(""));
  EXPECT_FALSE(TrustRoot::from_pem(crypto::pem_encode("PUBLIC KEY", TrustRoot::aws().der())));
}

}  // namespace
}  // namespace cofferdam::attest
