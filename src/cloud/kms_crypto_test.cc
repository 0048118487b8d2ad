// SPDX-License-Identifier: Apache-2.0
// What keys of every kind do: sign, authenticate, agree, encrypt and make data keys.
#include <gtest/gtest.h>

#include "cloud/kms_store.h"
#include "cloud/test_support.h"
#include "crypto/ec.h"
#include "crypto/key_pair.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::str;
using test::TestCloud;
using test::TestEnclave;

std::string base64(std::string_view text) { return to_base64(as_bytes(text)); }

std::string create(TestCloud& cloud, std::string_view spec, std::string_view usage) {
  const Answer answer = cloud.kms("CreateKey", {{"KeySpec", spec}, {"KeyUsage", usage}});
  EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
  return str(answer.body.at("KeyMetadata").at("Arn"));
}

TEST(KmsCryptoTest, AKeySaysWhatItIsFor) {
  TestCloud cloud;
  const auto metadata = [&](std::string_view spec, std::string_view usage) {
    return cloud.kms("DescribeKey", {{"KeyId", create(cloud, spec, usage)}})
        .body.at("KeyMetadata")
        .as_object();
  };
  EXPECT_EQ(metadata("ECC_NIST_P384", "SIGN_VERIFY").at("SigningAlgorithms"),
            json::value(json::array{"ECDSA_SHA_384"}));
  EXPECT_EQ(metadata("ECC_NIST_P384", "KEY_AGREEMENT").at("KeyAgreementAlgorithms"),
            json::value(json::array{"ECDH"}));
  EXPECT_EQ(metadata("HMAC_224", "GENERATE_VERIFY_MAC").at("MacAlgorithms"),
            json::value(json::array{"HMAC_SHA_224"}));
  const json::object rsa = metadata("RSA_2048", "ENCRYPT_DECRYPT");
  EXPECT_EQ(rsa.at("EncryptionAlgorithms"),
            json::value(json::array{"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}));
  EXPECT_FALSE(rsa.contains("CurrentKeyMaterialId"));
}

TEST(KmsCryptoTest, UsageAndSpecMustFit) {
  TestCloud cloud;
  const auto message = [&](const json::object& body) {
    const Answer answer = cloud.kms("CreateKey", body);
    EXPECT_EQ(answer.error(), "ValidationException");
    return answer.text("message");
  };
  EXPECT_EQ(message({{"KeySpec", "HMAC_256"}}),
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption "
            "keys.");
  EXPECT_EQ(message({{"KeySpec", "ECC_SECG_P256K1"}, {"KeyUsage", "KEY_AGREEMENT"}}),
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1");
  EXPECT_EQ(message({{"KeyUsage", "SIGN_VERIFY"}}),
            "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT");
}

class KmsSignatureTest
    : public ::testing::TestWithParam<std::pair<const char*, std::vector<std::string>>> {};

TEST_P(KmsSignatureTest, VerifiesWhatItSignedAndNothingElse) {
  const auto& [spec, algorithms] = GetParam();
  TestCloud cloud;
  const std::string key = create(cloud, spec, "SIGN_VERIFY");
  for (const std::string& algorithm : algorithms) {
    json::object body{
        {"KeyId", key}, {"Message", base64("message")}, {"SigningAlgorithm", algorithm}};
    const Answer signed_one = cloud.kms("Sign", body);
    ASSERT_EQ(signed_one.status, 200U) << json::serialize(signed_one.body);
    EXPECT_EQ(signed_one.text("KeyId"), key);
    body["Signature"] = signed_one.text("Signature");
    EXPECT_TRUE(cloud.kms("Verify", body).body.at("SignatureValid").as_bool());
    body["Message"] = base64("Message");
    const Answer refused = cloud.kms("Verify", body);
    EXPECT_EQ(refused.error(), "KMSInvalidSignatureException");
    EXPECT_EQ(refused.text("message"), "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    EverySpec, KmsSignatureTest,
    ::testing::Values(std::pair{"RSA_2048",
                                std::vector<std::string>{
                                    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384",
                                    "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
                                    "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"}},
                      std::pair{"ECC_NIST_P256", std::vector<std::string>{"ECDSA_SHA_256"}},
                      std::pair{"ECC_NIST_P384", std::vector<std::string>{"ECDSA_SHA_384"}},
                      std::pair{"ECC_NIST_P521", std::vector<std::string>{"ECDSA_SHA_512"}},
                      std::pair{"ECC_SECG_P256K1", std::vector<std::string>{"ECDSA_SHA_256"}}));

TEST(KmsCryptoTest, ADigestSignsLikeItsMessage) {
  TestCloud cloud;
  const std::string key = create(cloud, "ECC_NIST_P384", "SIGN_VERIFY");
  const Bytes digest = crypto::digest(crypto::Hash::sha384, as_bytes("message"));
  const Answer signed_one = cloud.kms("Sign", {{"KeyId", key},
                                               {"Message", to_base64(digest)},
                                               {"MessageType", "DIGEST"},
                                               {"SigningAlgorithm", "ECDSA_SHA_384"}});
  ASSERT_EQ(signed_one.status, 200U);
  const Answer shown = cloud.kms("GetPublicKey", {{"KeyId", key}});
  const auto reader = crypto::EcPublicKey::from_spki(*from_base64(shown.text("PublicKey")));
  EXPECT_TRUE(reader
                  ->verify_der(crypto::Hash::sha384, as_bytes("message"),
                               *from_base64(signed_one.text("Signature")))
                  .has_value());
  const Answer refused = cloud.kms("Sign", {{"KeyId", key},
                                            {"Message", base64("not a digest")},
                                            {"MessageType", "DIGEST"},
                                            {"SigningAlgorithm", "ECDSA_SHA_384"}});
  EXPECT_EQ(refused.error(), "ValidationException");
  EXPECT_EQ(refused.text("message"), "Digest is invalid length for algorithm ECDSA_SHA_384.");
}

TEST(KmsCryptoTest, AKeyRefusesWhatItWasNotMadeFor) {
  TestCloud cloud;
  const std::string mac = create(cloud, "HMAC_256", "GENERATE_VERIFY_MAC");
  const std::string ec = create(cloud, "ECC_NIST_P256", "SIGN_VERIFY");
  const json::object sign{{"Message", base64("m")}, {"SigningAlgorithm", "ECDSA_SHA_384"}};
  const auto ask = [&](std::string_view operation, const std::string& key, json::object body) {
    body["KeyId"] = key;
    const Answer answer = cloud.kms(operation, body);
    EXPECT_EQ(answer.error(), "InvalidKeyUsageException") << json::serialize(answer.body);
    return answer.text("message");
  };
  EXPECT_EQ(ask("Sign", mac, sign),
            mac + " key usage is GENERATE_VERIFY_MAC which is not valid for Sign.");
  EXPECT_EQ(ask("Sign", ec, sign),
            "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.");
  EXPECT_EQ(ask("GenerateMac", mac, {{"Message", base64("m")}, {"MacAlgorithm", "HMAC_SHA_512"}}),
            "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.");
  EXPECT_EQ(ask("Encrypt", ec, {{"Plaintext", base64("m")}}),
            ec + " key usage is SIGN_VERIFY which is not valid for Encrypt.");
  EXPECT_EQ(ask("GenerateDataKey", mac, {{"KeySpec", "AES_256"}}),
            mac + " key usage is GENERATE_VERIFY_MAC which is not valid for GenerateDataKey.");
  EXPECT_EQ(cloud.kms("GetPublicKey", {{"KeyId", mac}}).error(), "UnsupportedOperationException");
}

TEST(KmsCryptoTest, MacsAreOfTheirKeyAndMessage) {
  TestCloud cloud;
  for (const auto& [spec, algorithm] :
       {std::pair{"HMAC_224", "HMAC_SHA_224"}, {"HMAC_512", "HMAC_SHA_512"}}) {
    json::object body{{"KeyId", create(cloud, spec, "GENERATE_VERIFY_MAC")},
                      {"Message", base64("message")},
                      {"MacAlgorithm", algorithm}};
    const Answer made = cloud.kms("GenerateMac", body);
    ASSERT_EQ(made.status, 200U);
    body["Mac"] = made.text("Mac");
    EXPECT_TRUE(cloud.kms("VerifyMac", body).body.at("MacValid").as_bool());
    body["Message"] = base64("other");
    EXPECT_EQ(cloud.kms("VerifyMac", body).error(), "KMSInvalidMacException");
  }
}

TEST(KmsCryptoTest, AnRsaKeyEncryptsWhatFits) {
  TestCloud cloud;
  const std::string key = create(cloud, "RSA_2048", "ENCRYPT_DECRYPT");
  const auto encrypt = [&](std::size_t size, std::string_view algorithm) {
    return cloud.kms("Encrypt", {{"KeyId", key},
                                 {"Plaintext", base64(std::string(size, 'x'))},
                                 {"EncryptionAlgorithm", algorithm}});
  };
  EXPECT_EQ(encrypt(215, "RSAES_OAEP_SHA_1").text("message"),
            "Algorithm RSAES_OAEP_SHA_1 and key spec RSA_2048 cannot encrypt data larger than 214 "
            "bytes.");
  EXPECT_EQ(encrypt(1, "SYMMETRIC_DEFAULT").error(), "InvalidKeyUsageException");
  const Answer sealed = encrypt(190, "RSAES_OAEP_SHA_256");
  ASSERT_EQ(sealed.status, 200U);
  json::object body{{"KeyId", key},
                    {"CiphertextBlob", sealed.text("CiphertextBlob")},
                    {"EncryptionAlgorithm", "RSAES_OAEP_SHA_256"}};
  EXPECT_EQ(cloud.kms("Decrypt", body).text("Plaintext"), base64(std::string(190, 'x')));
  body["EncryptionAlgorithm"] = "RSAES_OAEP_SHA_1";
  EXPECT_EQ(cloud.kms("Decrypt", body).error(), "InvalidCiphertextException");
  body["EncryptionContext"] = json::object{{"a", "b"}};
  EXPECT_EQ(cloud.kms("Decrypt", body).error(), "ValidationException");
  body.erase("KeyId");
  EXPECT_EQ(cloud.kms("Decrypt", body).error(), "ValidationException");
}

TEST(KmsCryptoTest, TheSharedSecretIsThatOfThePeer) {
  TestCloud cloud;
  const std::string key = create(cloud, "ECC_NIST_P256", "KEY_AGREEMENT");
  const auto peer = crypto::KeyPair::generate(crypto::KeyKind::p256);
  json::object body{
      {"KeyId", key}, {"KeyAgreementAlgorithm", "ECDH"}, {"PublicKey", to_base64(peer->spki())}};
  const Answer shared = cloud.kms("DeriveSharedSecret", body);
  ASSERT_EQ(shared.status, 200U) << json::serialize(shared.body);
  const Answer shown = cloud.kms("GetPublicKey", {{"KeyId", key}});
  const auto expected = peer->agree(*from_base64(shown.text("PublicKey")));
  EXPECT_EQ(shared.text("SharedSecret"), to_base64(expected->reveal()));
  EXPECT_EQ(shared.text("KeyOrigin"), "AWS_KMS");
  body["PublicKey"] = to_base64(crypto::KeyPair::generate(crypto::KeyKind::p384)->spki());
  EXPECT_EQ(cloud.kms("DeriveSharedSecret", body).error(), "ValidationException");
}

TEST(KmsCryptoTest, ADataKeyPairIsOnePair) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const json::object context{{"app", "demo"}};
  const json::object body{
      {"KeyId", key}, {"KeyPairSpec", "ECC_NIST_P256"}, {"EncryptionContext", context}};
  const Answer made = cloud.kms("GenerateDataKeyPair", body);
  ASSERT_EQ(made.status, 200U) << json::serialize(made.body);
  const auto pair =
      crypto::KeyPair::from_pkcs8(Secret::copy_of(*from_base64(made.text("PrivateKeyPlaintext"))));
  EXPECT_EQ(to_base64(pair->spki()), made.text("PublicKey"));
  const Answer opened = cloud.kms(
      "Decrypt",
      {{"CiphertextBlob", made.text("PrivateKeyCiphertextBlob")}, {"EncryptionContext", context}});
  EXPECT_EQ(opened.text("Plaintext"), made.text("PrivateKeyPlaintext"));
  const Answer closed = cloud.kms("GenerateDataKeyPairWithoutPlaintext", body);
  EXPECT_EQ(closed.status, 200U);
  EXPECT_FALSE(closed.body.contains("PrivateKeyPlaintext"));
}

TEST(KmsCryptoTest, ADataKeyWithoutPlaintextOpensLater) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const Answer made =
      cloud.kms("GenerateDataKeyWithoutPlaintext", {{"KeyId", key}, {"KeySpec", "AES_256"}});
  ASSERT_EQ(made.status, 200U);
  EXPECT_FALSE(made.body.contains("Plaintext"));
  const Answer opened = cloud.kms("Decrypt", {{"CiphertextBlob", made.text("CiphertextBlob")}});
  EXPECT_EQ(from_base64(opened.text("Plaintext"))->size(), 32U);
}

TEST(KmsCryptoTest, RandomBytesAreAsManyAsAsked) {
  TestCloud cloud;
  EXPECT_EQ(
      from_base64(cloud.kms("GenerateRandom", {{"NumberOfBytes", 44}}).text("Plaintext"))->size(),
      44U);
  EXPECT_EQ(cloud.kms("GenerateRandom", {}).text("message"), "NumberOfBytes is required.");
  EXPECT_EQ(cloud.kms("GenerateRandom", {{"NumberOfBytes", 1025}}).text("message"),
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy "
            "constraint: Member must have value less than or equal to 1024");
  EXPECT_EQ(cloud.kms(cloud.enclave(), "GenerateRandom", {{"NumberOfBytes", 1}}).error(),
            "AccessDeniedException");
}

TEST(KmsCryptoTest, ReEncryptMovesASecretToAnotherKeyAndContext) {
  TestCloud cloud;
  const std::string from = cloud.create_key();
  const std::string to = cloud.create_key();
  const Answer sealed = cloud.kms(
      "Encrypt",
      {{"KeyId", from}, {"Plaintext", base64("hunter2")}, {"EncryptionContext", {{"a", "1"}}}});
  const Answer moved = cloud.kms("ReEncrypt", {{"CiphertextBlob", sealed.text("CiphertextBlob")},
                                               {"SourceEncryptionContext", {{"a", "1"}}},
                                               {"DestinationKeyId", to},
                                               {"DestinationEncryptionContext", {{"b", "2"}}}});
  ASSERT_EQ(moved.status, 200U) << json::serialize(moved.body);
  EXPECT_EQ(moved.text("SourceKeyId"), from);
  EXPECT_EQ(moved.text("KeyId"), to);
  const Answer opened = cloud.kms("Decrypt", {{"CiphertextBlob", moved.text("CiphertextBlob")},
                                              {"EncryptionContext", {{"b", "2"}}}});
  EXPECT_EQ(opened.text("Plaintext"), base64("hunter2"));
  EXPECT_EQ(opened.text("KeyId"), to);
}

TEST(KmsCryptoTest, ReEncryptNeedsBothKeys) {
  TestCloud cloud;
  const auto policy = [](std::string_view action) {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
           R"("arn:aws:iam::111122223333:user/admin"},"Action":["kms:PutKeyPolicy","kms:Encrypt",)"
           R"("kms:)" +
           std::string(action) + R"("],"Resource":"*"}]})";
  };
  const std::string source = cloud.create_key(policy("ReEncryptFrom"));
  const std::string destination = cloud.create_key(policy("ReEncryptTo"));
  const auto move = [&](const std::string& from, const std::string& to) {
    const Answer sealed = cloud.kms("Encrypt", {{"KeyId", from}, {"Plaintext", base64("x")}});
    return cloud.kms("ReEncrypt",
                     {{"CiphertextBlob", sealed.text("CiphertextBlob")}, {"DestinationKeyId", to}});
  };
  EXPECT_EQ(move(source, destination).status, 200U);
  const Answer refused = move(destination, source);
  EXPECT_EQ(refused.error(), "AccessDeniedException");
  EXPECT_NE(refused.text("message").find("kms:ReEncryptFrom"), std::string::npos);
}

TEST(KmsCryptoTest, ConditionsSeeHowAKeyIsUsed) {
  TestCloud cloud;
  const Answer made = cloud.kms(
      "CreateKey",
      {{"KeySpec", "RSA_2048"},
       {"KeyUsage", "SIGN_VERIFY"},
       {"Policy",
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
        R"("arn:aws:iam::111122223333:user/admin"},"Action":"kms:PutKeyPolicy","Resource":"*"},)"
        R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/admin"},)"
        R"("Action":"kms:Sign","Resource":"*","Condition":{"StringEquals":)"
        R"({"kms:SigningAlgorithm":"RSASSA_PSS_SHA_256","kms:MessageType":"RAW",)"
        R"("kms:KeySpec":"RSA_2048","kms:KeyUsage":"SIGN_VERIFY","kms:KeyOrigin":"AWS_KMS"}}}]})"}});
  ASSERT_EQ(made.status, 200U) << json::serialize(made.body);
  const std::string key = str(made.body.at("KeyMetadata").at("Arn"));
  const auto sign = [&](std::string_view algorithm) {
    return cloud
        .kms("Sign", {{"KeyId", key}, {"Message", base64("m")}, {"SigningAlgorithm", algorithm}})
        .error();
  };
  EXPECT_EQ(sign("RSASSA_PSS_SHA_256"), "");
  EXPECT_EQ(sign("RSASSA_PKCS1_V1_5_SHA_256"), "AccessDeniedException");
}

class KmsRecipientOperationsTest : public ::testing::Test {
 protected:
  // Asks as the administrator from an enclave and expects a sealed answer only.
  std::string ask(std::string_view operation, json::object body, attest::CallBinding binding,
                  std::string_view plaintext_member) {
    binding.operation = operation;
    body["Recipient"] = TestEnclave::recipient(enclave_.document(&binding));
    const net::Headers stated{
        {std::string(attest::kCallBindingHeader), to_base64(binding.encode())}};
    const Answer answer = cloud_.kms(cloud_.admin(), operation, body, stated);
    EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
    EXPECT_FALSE(answer.body.contains(plaintext_member));
    EXPECT_EQ(cloud_.log.last().operation, operation);
    return enclave_.open(answer);
  }

  TestCloud cloud_;
  TestEnclave enclave_{cloud_, TestEnclave::measured(0x5a)};
};

TEST_F(KmsRecipientOperationsTest, ADataKeyPairIsSealedForTheRecipient) {
  const std::string key = cloud_.create_key();
  const std::string sealed =
      ask("GenerateDataKeyPair", {{"KeyId", key}, {"KeyPairSpec", "ECC_NIST_P256"}},
          {.operation = "",
           .key_arn = key,
           .encryption_context = {},
           .ciphertext_digest = {},
           .parameters = {{"KeyPairSpec", "ECC_NIST_P256"}}},
          "PrivateKeyPlaintext");
  EXPECT_TRUE(crypto::KeyPair::from_pkcs8(Secret::copy_of(as_bytes(sealed))).has_value());
}

TEST_F(KmsRecipientOperationsTest, RandomBytesAreSealedForTheRecipient) {
  const std::string sealed = ask("GenerateRandom", {{"NumberOfBytes", 48}},
                                 {.operation = "",
                                  .key_arn = "",
                                  .encryption_context = {},
                                  .ciphertext_digest = {},
                                  .parameters = {{"NumberOfBytes", "48"}}},
                                 "Plaintext");
  EXPECT_EQ(sealed.size(), 48U);
}

TEST_F(KmsRecipientOperationsTest, ASharedSecretIsSealedForTheRecipient) {
  const std::string key = create(cloud_, "ECC_NIST_P256", "KEY_AGREEMENT");
  const auto peer = crypto::KeyPair::generate(crypto::KeyKind::p256);
  const std::string sealed = ask(
      "DeriveSharedSecret",
      {{"KeyId", key}, {"KeyAgreementAlgorithm", "ECDH"}, {"PublicKey", to_base64(peer->spki())}},
      {.operation = "",
       .key_arn = key,
       .encryption_context = {},
       .ciphertext_digest = crypto::sha384(peer->spki()),
       .parameters = {{"KeyAgreementAlgorithm", "ECDH"}}},
      "SharedSecret");
  const Answer shown = cloud_.kms("GetPublicKey", {{"KeyId", key}});
  EXPECT_EQ(sealed, as_text(peer->agree(*from_base64(shown.text("PublicKey")))->reveal()));
}

}  // namespace
}  // namespace cofferdam::cloud
