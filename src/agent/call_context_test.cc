// SPDX-License-Identifier: Apache-2.0
#include "agent/call_context.h"

#include <gtest/gtest.h>

#include "agent/offer.h"
#include "agent/reason.h"
#include "agent/test_kms.h"
#include "base/encoding.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kSecret = R"(
[[secret]]
name = "bound"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[secret.context]
app = "demo"
enclave = { evidence = "name" }
release = { evidence = "release" }
image = { evidence = "pcr0" }
kernel = { evidence = "pcr1" }
application = { evidence = "pcr2" }
signer = { evidence = "pcr8" }
config = { evidence = "pcr16" }
)";

class CallContextTest : public testing::Test {
 protected:
  CallContextTest() : lab_({.extra_config = std::string(kSecret)}) {}

  const SecretSpec& spec() const { return *lab_.validated->config().find_secret("bound"); }
  EncryptionContext context() const { return lab_.service->context_of(spec()).value(); }

  Status check(EncryptionContext stated) const {
    const Offer offer{
        .ciphertext = Bytes{1}, .key_id = std::nullopt, .encryption_context = std::move(stated)};
    return check_offer(offer, spec(), context());
  }

  test::TestRelease lab_;
};

TEST_F(CallContextTest, TakesItsValuesFromTheEnclaveItself) {
  const auto& pcrs = lab_.validated->evidence().document().document().pcrs;
  const EncryptionContext expected{
      {"app", "demo"},
      {"enclave", "demo"},
      {"release", "3"},
      {"image", to_hex(pcrs.at(0))},
      {"kernel", to_hex(pcrs.at(1))},
      {"application", to_hex(pcrs.at(2))},
      {"signer", to_hex(pcrs.at(8))},
      {"config", to_hex(pcrs.at(16))},
  };
  EXPECT_EQ(context(), expected);
}

TEST_F(CallContextTest, IsWhatGoesToKmsAndIntoTheBinding) {
  lab_.offer(R"({"ciphertext":"AAEC"})", "bound");
  ASSERT_TRUE(lab_.get("bound").has_value());
  EXPECT_EQ(lab_.kms.stated_binding().encryption_context, context());
  EXPECT_EQ(lab_.kms.request().at("EncryptionContext").get_object().at("release"),
            json::value("3"));
}

TEST_F(CallContextTest, AStatedContextMustBeTheWholeOne) {
  EXPECT_TRUE(check(context()).has_value());
  EncryptionContext fewer = context();
  fewer.erase("release");
  EXPECT_EQ(check(fewer).error().detail, "secret bound: the parent's context lacks release = 3");
  EncryptionContext more = context();
  more["more"] = "x";
  EXPECT_EQ(check(more).error().detail,
            "secret bound: the parent's context has more than the 8 declared pairs");
  EncryptionContext other = context();
  other["release"] = "2";
  const auto refused = check(other);
  EXPECT_EQ(refused.error().reason, reason::kBindingMismatch);
  EXPECT_EQ(refused.error().detail,
            "secret bound: the parent's context has another value for release; expected is 3");
}

TEST_F(CallContextTest, AStatedKeyMustBeTheDeclaredOne) {
  Offer offer{.ciphertext = Bytes{1}, .key_id = "alias/demo", .encryption_context = {}};
  const auto refused = check_offer(offer, spec(), context());
  EXPECT_EQ(refused.error().detail, "secret bound: the parent asks for another key; expected is " +
                                        std::string(test::kKeyArn));
  offer.key_id = spec().key_arn;
  EXPECT_TRUE(check_offer(offer, spec(), context()).has_value());
}

TEST_F(CallContextTest, OnlyAnEnvelopeMayBeLongerThanKmsAccepts) {
  SecretSpec declared = spec();
  const Offer offer{.ciphertext = Bytes(kMaxCiphertextSize + 1, 1),
                    .key_id = std::nullopt,
                    .encryption_context = std::nullopt};
  EXPECT_EQ(check_offer(offer, declared, context()).error().reason, reason::kOfferMalformed);
  declared.envelope = true;
  EXPECT_TRUE(check_offer(offer, declared, context()).has_value());
}

}  // namespace
}  // namespace cofferdam::agent
