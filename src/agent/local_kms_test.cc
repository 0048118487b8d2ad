// SPDX-License-Identifier: Apache-2.0
#include "agent/local_kms.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "agent/reason.h"
#include "agent/test_local.h"
#include "base/encoding.h"
#include "crypto/pem.h"

namespace cofferdam::agent {
namespace {

using test::kKeyArn;

constexpr std::string_view kConfig = R"(
[[secret]]
name = "signing-key"
operation = "GenerateDataKeyPair"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
key_spec = "ECC_NIST_P256"
[[secret]]
name = "seed"
operation = "GenerateRandom"
size = 48
[[secret]]
name = "shared"
operation = "DeriveSharedSecret"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
public_key = "/etc/cofferdam/peer.pem"
)";

class LocalKmsTest : public testing::Test {
 protected:
  explicit LocalKmsTest(std::string_view rego = "")
      : peer_(crypto::KeyPair::generate(crypto::KeyKind::p256).value()),
        lab_(std::string(kConfig), rego,
             {{"/etc/cofferdam/peer.pem", crypto::pem_encode("PUBLIC KEY", peer_.spki())}}),
        kms_(
            LocalKms::create({*lab_.release.validated, *lab_.release.service, lab_.gate}).value()) {
  }

  net::HttpResponse call(const std::string& operation, const json::object& body) {
    auto request = test::local_request("POST", "/", {{"X-Amz-Target", "TrentService." + operation}},
                                       json::serialize(body));
    return send(std::move(request));
  }
  net::HttpResponse send(net::HttpRequest request) {
    return test::run(kms_.handle(std::move(request), test::some_caller())).value();
  }

  void expect_exception(const net::HttpResponse& response, std::string_view type) {
    EXPECT_GE(response.status, 400u);
    EXPECT_EQ(test::body_of(response).at("__type"), json::value(json::string(type)))
        << as_text(response.body);
    EXPECT_FALSE(net::header(response.headers, "x-amzn-RequestId").empty());
  }
  void expect_not_asked() { EXPECT_TRUE(lab_.release.kms.peer.requests.empty()); }

  const json::object context_{{"app", "demo"}};
  crypto::KeyPair peer_;
  test::LocalLab lab_;
  LocalKms kms_;
};

TEST_F(LocalKmsTest, DecryptsWhatTheProgramBrings) {
  const auto response =
      call("Decrypt", {{"CiphertextBlob", "BBBB"}, {"EncryptionContext", context_}});
  ASSERT_EQ(response.status, 200u) << as_text(response.body);
  const json::object body = test::body_of(response);
  EXPECT_EQ(body.at("Plaintext"), json::value(to_base64(as_bytes(lab_.release.kms.secret))));
  EXPECT_EQ(body.at("KeyId"), json::value(json::string(kKeyArn)));
  EXPECT_EQ(body.at("EncryptionAlgorithm"), json::value("SYMMETRIC_DEFAULT"));
  EXPECT_EQ(net::header(response.headers, "Content-Type"), "application/x-amz-json-1.1");
  const json::object& asked = lab_.release.kms.request();
  EXPECT_EQ(asked.at("CiphertextBlob"), json::value("BBBB"));
  EXPECT_TRUE(asked.contains("Recipient")) << "attested by the agent";
}

TEST_F(LocalKmsTest, TakesAKeyByItsIdAsWellAsByItsArn) {
  for (const std::string_view key : {kKeyArn, kKeyArn.substr(kKeyArn.rfind('/') + 1)}) {
    const auto response = call(
        "Decrypt", {{"CiphertextBlob", "BBBB"}, {"KeyId", key}, {"EncryptionContext", context_}});
    EXPECT_EQ(response.status, 200u) << as_text(response.body);
  }
}

TEST_F(LocalKmsTest, MakesDataKeysOfTheDeclaredSize) {
  for (const json::object& size :
       {json::object{{"KeySpec", "AES_256"}}, json::object{{"NumberOfBytes", 32}}}) {
    json::object body = size;
    body.emplace("KeyId", kKeyArn);
    const auto response = call("GenerateDataKey", body);
    ASSERT_EQ(response.status, 200u) << as_text(response.body);
    EXPECT_EQ(test::body_of(response).at("Plaintext"), json::value(to_base64(Bytes(32))));
    EXPECT_EQ(test::body_of(response).at("CiphertextBlob"), json::value("AAEC"));
  }
}

TEST_F(LocalKmsTest, AnswersTheOtherThreeOperationsAsKmsDoes) {
  const json::object pair = test::body_of(
      call("GenerateDataKeyPair", {{"KeyId", kKeyArn}, {"KeyPairSpec", "ECC_NIST_P256"}}));
  EXPECT_TRUE(pair.contains("PrivateKeyPlaintext"));
  EXPECT_TRUE(pair.contains("PrivateKeyCiphertextBlob"));
  EXPECT_TRUE(pair.contains("PublicKey"));
  EXPECT_EQ(pair.at("KeyPairSpec"), json::value("ECC_NIST_P256"));
  const json::object random = test::body_of(call("GenerateRandom", {{"NumberOfBytes", 48}}));
  EXPECT_EQ(from_base64(random.at("Plaintext").as_string())->size(), 48u);
  const json::object shared =
      test::body_of(call("DeriveSharedSecret", {{"KeyId", kKeyArn},
                                                {"KeyAgreementAlgorithm", "ECDH"},
                                                {"PublicKey", to_base64(peer_.spki())}}));
  EXPECT_EQ(from_base64(shared.at("SharedSecret").as_string())->size(), 32u);
  EXPECT_EQ(shared.at("KeyAgreementAlgorithm"), json::value("ECDH"));
}

TEST_F(LocalKmsTest, RefusesWhatIsNotDeclaredAndSaysWhatIs) {
  const auto other_context =
      call("Decrypt", {{"CiphertextBlob", "BBBB"}, {"EncryptionContext", {{"app", "other"}}}});
  expect_exception(other_context, "AccessDeniedException");
  const std::string text(as_text(other_context.body));
  EXPECT_NE(text.find("database-password"), std::string::npos) << text;
  EXPECT_NE(text.find("demo"), std::string::npos) << text;
  expect_exception(call("Decrypt", {{"CiphertextBlob", "BBBB"}}), "AccessDeniedException");
  const std::string other_key = std::string(kKeyArn.substr(0, kKeyArn.size() - 1)) + "c";
  expect_exception(
      call("Decrypt",
           {{"CiphertextBlob", "BBBB"}, {"KeyId", other_key}, {"EncryptionContext", context_}}),
      "AccessDeniedException");
  expect_exception(call("GenerateDataKey", {{"KeyId", "alias/app"}, {"KeySpec", "AES_256"}}),
                   "AccessDeniedException");
  expect_exception(call("GenerateDataKey", {{"KeyId", kKeyArn}, {"KeySpec", "AES_128"}}),
                   "AccessDeniedException");
  expect_exception(call("GenerateRandom", {{"NumberOfBytes", 32}}), "AccessDeniedException");
  expect_exception(call("DeriveSharedSecret", {{"KeyId", kKeyArn}, {"PublicKey", "AAAA"}}),
                   "AccessDeniedException");
  expect_not_asked();
}

TEST_F(LocalKmsTest, PassesNothingElseOn) {
  for (const std::string operation : {"Encrypt", "ReEncrypt", "ScheduleKeyDeletion", "Sign"}) {
    expect_exception(call(operation, {{"KeyId", kKeyArn}}), "UnsupportedOperationException");
  }
  expect_exception(send(test::local_request("POST", "/", {}, "{}")), "UnknownOperationException");
  expect_exception(send(test::local_request("GET", "/")), "UnknownOperationException");
  expect_not_asked();
}

TEST_F(LocalKmsTest, RefusesMembersThatItWouldNotPassOn) {
  const json::object base{{"CiphertextBlob", "BBBB"}, {"EncryptionContext", context_}};
  const std::vector<std::pair<std::string, json::value>> members{
      {"Recipient", {{"KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"}}},
      {"EncryptionAlgorithm", "RSAES_OAEP_SHA_1"},
      {"Colour", "red"},
  };
  for (const auto& [name, value] : members) {
    json::object body = base;
    body.emplace(name, value);
    expect_exception(call("Decrypt", body), "ValidationException");
  }
  json::object dry = base;
  dry.emplace("DryRun", true);
  expect_exception(call("Decrypt", dry), "UnsupportedOperationException");
  json::object tokens = base;
  tokens.emplace("GrantTokens", json::array{"t"});
  expect_exception(call("Decrypt", tokens), "UnsupportedOperationException");
  expect_not_asked();
}

TEST_F(LocalKmsTest, RefusesBodiesThatAreNotARequest) {
  const std::string target = "TrentService.Decrypt";
  for (const std::string_view body : {"", "[]", "{", R"({"KeyId":"a","KeyId":"b"})"}) {
    expect_exception(send(test::local_request("POST", "/", {{"X-Amz-Target", target}}, body)),
                     "SerializationException");
  }
  expect_exception(call("Decrypt", {{"CiphertextBlob", "not base64"}}), "ValidationException");
  expect_exception(call("Decrypt", {{"EncryptionContext", 7}, {"CiphertextBlob", "BBBB"}}),
                   "ValidationException");
}

TEST_F(LocalKmsTest, RefusesForwardedRequests) {
  auto request = test::local_request(
      "POST", "/", {{"X-Amz-Target", "TrentService.Decrypt"}, {"X-Forwarded-For", "10.0.0.1"}});
  expect_exception(send(std::move(request)), "AccessDeniedException");
  net::HttpRequest rebound;
  rebound.method = "POST";
  rebound.target = "/";
  rebound.headers.emplace_back("Host", "attacker.example");
  expect_exception(send(std::move(rebound)), "AccessDeniedException");
}

TEST_F(LocalKmsTest, TellsTheProgramWhatKmsSaid) {
  lab_.release.kms.peer.answer("/", 400, R"({"__type":"InvalidCiphertextException"})");
  expect_exception(call("Decrypt", {{"CiphertextBlob", "BBBB"}, {"EncryptionContext", context_}}),
                   "InvalidCiphertextException");
  lab_.release.kms.peer.answer("/", 400, R"({"__type":"AccessDeniedException"})");
  expect_exception(call("Decrypt", {{"CiphertextBlob", "BBBB"}, {"EncryptionContext", context_}}),
                   "AccessDeniedException");
}

class GatedKmsTest : public LocalKmsTest {
 protected:
  GatedKmsTest()
      : LocalKmsTest(
            "package cofferdam.release\nallow if {\n  input.request.kind == \"kms\"\n"
            "  input.request.context.app == \"demo\"\n  input.peer.uid == 1000\n}\n") {}
};

TEST_F(GatedKmsTest, AsksThePolicyWithKeyAndContext) {
  EXPECT_EQ(call("Decrypt", {{"CiphertextBlob", "BBBB"}, {"EncryptionContext", context_}}).status,
            200u);
  expect_exception(call("GenerateDataKey", {{"KeyId", kKeyArn}, {"KeySpec", "AES_256"}}),
                   "AccessDeniedException");
  EXPECT_EQ(lab_.last_decision().reason, reason::kPolicyDenied);
  EXPECT_EQ(lab_.last_decision().key, kKeyArn);
}

TEST(FindDeclaredTest, WantsTheKeyNamedWhereSeveralFit) {
  SecretSpec one;
  one.name = "one";
  one.key_arn = "arn:aws:kms:us-east-1:111122223333:key/1";
  SecretSpec two = one;
  two.key_arn = "arn:aws:kms:us-east-1:111122223333:key/2";
  const std::vector<DeclaredCall> declared{{&one, {}, {}}, {&two, {}, {}}};
  LocalKmsRequest request;
  EXPECT_EQ(find_declared(request, declared).error().reason, "ValidationException");
  request.key_id = "2";
  EXPECT_EQ((*find_declared(request, declared))->spec, &two);
}

}  // namespace
}  // namespace cofferdam::agent
