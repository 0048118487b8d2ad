// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11_key.h"

#include <gtest/gtest.h>

#include "bytes/der.h"
#include "crypto/pkcs11_token.h"
#include "crypto/test_token.h"

namespace cofferdam::crypto {
namespace {

using test::TestToken;

class Pkcs11KeyTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!TestToken::available()) GTEST_SKIP() << "softhsm2 is not installed";
  }

  Pkcs11Options options(std::string_view uri) {
    return {.uri = Pkcs11Uri::parse(uri).value(),
            .module = TestToken::module(),
            .pin = [this](std::string_view token) -> Result<Secret> {
              asked_.emplace_back(token);
              return Secret::copy_of(as_bytes(pin_));
            },
            .public_key = {}};
  }
  Result<std::unique_ptr<const SigningKey>> open(std::string_view uri) {
    return open_pkcs11_key(options(uri));
  }

  TestToken token_;
  std::string pin_{TestToken::kPin};
  std::vector<std::string> asked_;
  EcPrivateKey key_ = EcPrivateKey::generate(Curve::p384).value();
};

TEST_F(Pkcs11KeyTest, SignsOnEveryCurve) {
  for (const Curve curve : {Curve::p256, Curve::p384, Curve::p521}) {
    const EcPrivateKey key = EcPrivateKey::generate(curve).value();
    token_.import(key, std::string(curve_name(curve)), "0" + std::to_string(int(curve)));
    const auto opened = open(
        "pkcs11:token=release%20keys;object=" + std::string(curve_name(curve)) + ";type=private");
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    EXPECT_EQ((*opened)->public_key().spki(), key.public_key().spki());
    const Bytes signature = (*opened)->sign(as_bytes("message")).value();
    EXPECT_TRUE(key.public_key().verify(hash_for(curve), as_bytes("message"), signature));
    EXPECT_TRUE((*opened)->sign(as_bytes("another")).has_value());
  }
}

TEST_F(Pkcs11KeyTest, FindsTheKeyByEveryAttribute) {
  token_.import(key_, "first", "a1");
  token_.import(EcPrivateKey::generate(Curve::p384).value(), "second", "a2");
  for (const std::string_view uri :
       {"pkcs11:object=first", "pkcs11:id=%a1", "pkcs11:object=first;id=%a1;model=SoftHSM%20v2",
        "pkcs11:manufacturer=SoftHSM%20project;id=%a1"}) {
    const auto opened = open(uri);
    ASSERT_TRUE(opened.has_value()) << uri << ": " << opened.error().detail;
    EXPECT_EQ((*opened)->public_key().spki(), key_.public_key().spki()) << uri;
  }
  EXPECT_EQ(open("pkcs11:token=release%20keys").error().code, Errc::invalid_input);
  for (const std::string_view uri :
       {"pkcs11:object=third", "pkcs11:object=first;id=%a2", "pkcs11:id=%a1%00",
        "pkcs11:token=release;id=%a1", "pkcs11:serial=0;id=%a1", "pkcs11:model=x;id=%a1",
        "pkcs11:manufacturer=x;id=%a1", "pkcs11:slot-id=0;id=%a1"}) {
    EXPECT_EQ(open(uri).error().code, Errc::not_found) << uri;
  }
}

TEST_F(Pkcs11KeyTest, RefusesToChooseBetweenTokens) {
  token_.import(key_, "key", "a1");
  token_.add_token("other");
  const auto refused = open("pkcs11:object=key");
  EXPECT_EQ(refused.error().code, Errc::invalid_input);
  EXPECT_NE(refused.error().detail.find("\"release keys\""), std::string::npos);
  EXPECT_NE(refused.error().detail.find("\"other\""), std::string::npos);
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE(open("pkcs11:token=release%20keys;object=key").has_value());
  EXPECT_EQ(open("pkcs11:token=other;object=key").error().code, Errc::not_found);
}

TEST_F(Pkcs11KeyTest, TriesAWrongPinOnce) {
  token_.import(key_, "key", "a1");
  pin_ = "999999";
  const auto refused = open("pkcs11:object=key");
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_NE(refused.error().detail.find("PIN is wrong"), std::string::npos);
  EXPECT_EQ(refused.error().detail.find(pin_), std::string::npos);
  EXPECT_EQ(asked_, std::vector<std::string>{"release keys"});
  pin_ = TestToken::kPin;
  EXPECT_TRUE(open("pkcs11:object=key").has_value());
}

TEST_F(Pkcs11KeyTest, DoesNotTryAPinThatCannotBeRight) {
  token_.import(key_, "key", "a1");
  for (const std::string& pin : {std::string(), std::string("1"), std::string(1000, '1')}) {
    pin_ = pin;
    EXPECT_NE(open("pkcs11:object=key").error().detail.find("not tried"), std::string::npos);
  }
}

TEST_F(Pkcs11KeyTest, PassesOnThatThereIsNoPin) {
  token_.import(key_, "key", "a1");
  Pkcs11Options without = options("pkcs11:object=key");
  without.pin = nullptr;
  EXPECT_EQ(open_pkcs11_key(without).error().code, Errc::denied);
  without.pin = [](std::string_view) { return Result<Secret>(fail(Errc::not_found, "no file")); };
  EXPECT_EQ(open_pkcs11_key(without).error().detail, "no file");
}

// What a token's owner does with other tools: a session that may write, logged in.
class OwnersSession {
 public:
  OwnersSession() {
    const Pkcs11Token token = find_token(*module_, Pkcs11Uri()).value();
    EXPECT_EQ(api().C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                  &session_),
              CKR_OK);
    std::string pin(TestToken::kPin);
    EXPECT_EQ(
        api().C_Login(session_, CKU_USER, reinterpret_cast<unsigned char*>(pin.data()), pin.size()),
        CKR_OK);
  }

  void remove_public_half() const {
    CK_OBJECT_CLASS wanted = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE attribute{.type = CKA_CLASS, .pValue = &wanted, .ulValueLen = sizeof(wanted)};
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0;
    EXPECT_EQ(api().C_FindObjectsInit(session_, &attribute, 1), CKR_OK);
    EXPECT_EQ(api().C_FindObjects(session_, &object, 1, &count), CKR_OK);
    EXPECT_EQ(api().C_FindObjectsFinal(session_), CKR_OK);
    EXPECT_EQ(count, 1U);
    EXPECT_EQ(api().C_DestroyObject(session_, object), CKR_OK);
  }

  // A P-256 key that wants the PIN before every use.
  void generate_cautious_key() const {
    CK_MECHANISM mechanism{
        .mechanism = CKM_EC_KEY_PAIR_GEN, .pParameter = nullptr, .ulParameterLen = 0};
    const Bytes curve = der::encode_object_identifier("1.2.840.10045.3.1.7");
    const Bytes id{0x07};
    const Bytes yes{CK_TRUE};
    std::vector<CK_ATTRIBUTE> public_half{
        pkcs11_attribute(CKA_TOKEN, yes), pkcs11_attribute(CKA_ID, id),
        pkcs11_attribute(CKA_EC_PARAMS, curve), pkcs11_attribute(CKA_VERIFY, yes)};
    std::vector<CK_ATTRIBUTE> private_half{
        pkcs11_attribute(CKA_TOKEN, yes), pkcs11_attribute(CKA_ID, id),
        pkcs11_attribute(CKA_PRIVATE, yes), pkcs11_attribute(CKA_SIGN, yes),
        pkcs11_attribute(CKA_ALWAYS_AUTHENTICATE, yes)};
    CK_OBJECT_HANDLE made[2] = {};
    EXPECT_EQ(api().C_GenerateKeyPair(session_, &mechanism, public_half.data(), public_half.size(),
                                      private_half.data(), private_half.size(), made, made + 1),
              CKR_OK);
  }

 private:
  const CK_FUNCTION_LIST& api() const { return module_->api(); }

  std::shared_ptr<const Pkcs11Module> module_ = Pkcs11Module::load(TestToken::module()).value();
  CK_SESSION_HANDLE session_ = 0;
};

TEST_F(Pkcs11KeyTest, AKeyThatWantsThePinEveryTimeGetsIt) {
  OwnersSession().generate_cautious_key();
  const auto opened = open("pkcs11:id=%07");
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  for (int i = 0; i < 2; ++i) {
    const auto signature = (*opened)->sign(as_bytes("message"));
    EXPECT_TRUE(signature.has_value()) << signature.error().detail;
  }
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(Pkcs11KeyTest, TakesThePublicHalfFromTheCallerIfTheTokenHasNone) {
  token_.import(key_, "key", "a1");
  OwnersSession().remove_public_half();
  EXPECT_EQ(open("pkcs11:object=key").error().code, Errc::not_found);

  Pkcs11Options given = options("pkcs11:object=key");
  given.public_key = key_.public_key();
  const auto opened = open_pkcs11_key(given);
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  EXPECT_TRUE((*opened)->sign(as_bytes("message")).has_value());
}

TEST_F(Pkcs11KeyTest, DoesNotHandOutASignatureThatDoesNotVerify) {
  token_.import(key_, "key", "a1");
  OwnersSession().remove_public_half();
  Pkcs11Options wrong = options("pkcs11:object=key");
  wrong.public_key = EcPrivateKey::generate(Curve::p384).value().public_key();
  const auto opened = open_pkcs11_key(wrong);
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  EXPECT_EQ((*opened)->sign(as_bytes("message")).error().code, Errc::unauthenticated);
}

TEST_F(Pkcs11KeyTest, AKeyThatIsGoneSignsNoMore) {
  token_.import(key_, "key", "a1");
  const auto opened = open("pkcs11:object=key");
  ASSERT_TRUE(opened.has_value());
  std::filesystem::remove_all(token_.workplace().path("tokens"));
  EXPECT_FALSE((*opened)->sign(as_bytes("message")).has_value());
}

TEST_F(Pkcs11KeyTest, RefusesWhatIsNoModule) {
  Pkcs11Options other = options("pkcs11:object=key");
  other.module = token_.workplace().path("absent.so");
  EXPECT_EQ(open_pkcs11_key(other).error().code, Errc::unavailable);
  other.module = "libm.so.6";
  EXPECT_EQ(open_pkcs11_key(other).error().code, Errc::invalid_input);
  other.module.clear();
  EXPECT_NE(open_pkcs11_key(other).error().detail.find("--pkcs11-module"), std::string::npos);
}

TEST_F(Pkcs11KeyTest, TheModuleMayComeFromTheUri) {
  token_.import(key_, "key", "a1");
  Pkcs11Options given = options("pkcs11:object=key?module-path=" + TestToken::module().string());
  given.module.clear();
  EXPECT_TRUE(open_pkcs11_key(given).has_value());
}

}  // namespace
}  // namespace cofferdam::crypto
