// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <type_traits>

#include "agent/reason.h"
#include "agent/test_support.h"
#include "agent/workload_api.h"
#include "base/encoding.h"
#include "crypto/cms.h"

namespace cofferdam::agent {
namespace {

using test::FakePeer;
using test::kKeyArn;
using test::TestEnclave;
using testing::ElementsAre;

// One call, one use: no copies, and sending takes the call away.
static_assert(!std::is_copy_constructible_v<AttestedCall>);
static_assert(!std::is_copy_assignable_v<AttestedCall>);
static_assert(!std::is_default_constructible_v<AttestedCall>);
template <class Call>
concept CanSend = requires(Call call, KmsClient& kms, aws::Credentials credentials) {
  static_cast<Call>(call).send(kms, std::move(credentials));
};
static_assert(CanSend<AttestedCall&&>);
static_assert(!CanSend<AttestedCall&>);

constexpr std::string_view kSecretText = "correct horse battery staple";

// What KMS would answer, before a test forges it.
class FakeKms {
 public:
  FakeKms() {
    peer.answers["/"] = [this](const net::HttpRequest& request) { return respond(request); };
  }

  net::HttpResponse respond(const net::HttpRequest& request) {
    const json::value parsed = parse_json(as_text(request.body), 65536).value();
    request_ = parsed.get_object();
    json::object answer = honest_answer();
    if (forge) forge(answer);
    return net::json_response(200, json::serialize(answer));
  }

  attest::Document document() const {
    const json::object& recipient = request_.at("Recipient").get_object();
    const Bytes bytes =
        from_base64(std::string_view(recipient.at("AttestationDocument").get_string())).value();
    return attest::parse_document(bytes).value().document;
  }

  const json::object& request() const { return request_; }

  FakePeer peer;
  std::function<void(json::object&)> forge;

 private:
  json::object honest_answer() const {
    const bool decrypt = request_.contains("CiphertextBlob");
    const Secret plaintext = decrypt ? Secret::copy_of(as_bytes(kSecretText)) : Secret(32);
    json::object out;
    out["KeyId"] = request_.at("KeyId");
    out["CiphertextForRecipient"] =
        to_base64(crypto::cms_seal(plaintext, *document().public_key).value());
    if (decrypt) {
      out["EncryptionAlgorithm"] = "SYMMETRIC_DEFAULT";
    } else {
      out["CiphertextBlob"] = "AAEC";
    }
    return out;
  }

  json::object request_;
};

class SecretServiceTest : public testing::Test {
 protected:
  SecretServiceTest() {
    auto validated = enclave_.run_boot();
    EXPECT_TRUE(validated.has_value());
    validated_.emplace(*std::move(validated));
    service_.emplace(SecretService::Parts{*validated_, enclave_.attestor, recipients_,
                                          enclave_.parent, kms_, enclave_.clock, enclave_.console});
    offer(R"({"ciphertext":"AAECAwQ="})");
    enclave_.peer.requests.clear();
  }

  void offer(std::string_view json) {
    enclave_.peer.answer("/v1/ciphertexts/database-password", 200, json);
  }

  Result<Secret> get() { return test::run(service_->secret("database-password")); }

  // Asks for the secret and expects a recorded refusal.
  void expect_refused(std::string_view reason) {
    const auto secret = get();
    ASSERT_FALSE(secret.has_value());
    EXPECT_EQ(secret.error().reason, reason) << secret.error().detail;
    ASSERT_FALSE(enclave_.console.decisions.empty());
    const ledger::Decision& decision = enclave_.console.decisions.back();
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.reason, reason);
    EXPECT_EQ(enclave_.peer.targets().back(), "/v1/decisions");
  }

  void expect_forgery_refused(std::string_view reason, std::function<void(json::object&)> forge) {
    fake_kms_.forge = std::move(forge);
    expect_refused(reason);
    EXPECT_EQ(fake_kms_.peer.requests.size(), 1u) << "a forgery is not worth another try";
  }

  TestEnclave enclave_;
  FakeKms fake_kms_;
  KmsClient kms_{fake_kms_.peer, enclave_.clock, {"us-east-1", "kms.us-east-1.amazonaws.com"}};
  RecipientPool recipients_{1};
  std::optional<ValidatedEnclave> validated_;
  std::optional<SecretService> service_;
};

TEST_F(SecretServiceTest, ReleasesASecretAndRecordsIt) {
  const auto secret = get();
  ASSERT_TRUE(secret.has_value()) << secret.error().detail;
  EXPECT_EQ(as_text(secret->reveal()), kSecretText);
  EXPECT_THAT(enclave_.peer.targets(),
              ElementsAre("/v1/ciphertexts/database-password", "/v1/credentials", "/v1/decisions"));
  const ledger::Decision& decision = enclave_.console.decisions.back();
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.reason, "ok");
  EXPECT_EQ(decision.operation, "Decrypt");
  EXPECT_EQ(decision.key, kKeyArn);
  EXPECT_EQ(decision.context_digest, ledger::context_digest({{"app", "demo"}}));
  EXPECT_EQ(decision.pcrs.size(), 17u);
}

TEST_F(SecretServiceTest, AsksKmsForExactlyWhatWasMeasured) {
  ASSERT_TRUE(get().has_value());
  const json::object& request = fake_kms_.request();
  EXPECT_EQ(request.at("KeyId"), json::value(json::string(kKeyArn)));
  EXPECT_EQ(request.at("EncryptionContext").get_object().at("app"), json::value("demo"));
  EXPECT_EQ(request.at("CiphertextBlob"), json::value("AAECAwQ="));
  EXPECT_EQ(request.at("Recipient").get_object().at("KeyEncryptionAlgorithm"),
            json::value("RSAES_OAEP_SHA_256"));
  const net::Headers& headers = fake_kms_.peer.requests.at(0).headers;
  EXPECT_EQ(net::header(headers, "X-Amz-Target"), "TrentService.Decrypt");
  EXPECT_NE(net::header(headers, "Authorization").find("x-cofferdam-call"), std::string_view::npos);
}

TEST_F(SecretServiceTest, BindsTheDocumentToTheCall) {
  ASSERT_TRUE(get().has_value());
  const net::Headers& headers = fake_kms_.peer.requests.at(0).headers;
  const Bytes encoded = from_base64(net::header(headers, attest::kCallBindingHeader)).value();
  const auto binding = attest::CallBinding::decode(encoded).value();
  EXPECT_EQ(binding.operation, "Decrypt");
  EXPECT_EQ(binding.key_arn, kKeyArn);
  EXPECT_EQ(binding.ciphertext_digest, crypto::sha384(Bytes{0, 1, 2, 3, 4}));
  EXPECT_EQ(fake_kms_.document().user_data, to_bytes(binding.digest()));
}

TEST_F(SecretServiceTest, FetchesASecretOnce) {
  ASSERT_TRUE(get().has_value());
  ASSERT_TRUE(get().has_value());
  EXPECT_EQ(fake_kms_.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, MakesEachDataKeyAnew) {
  const auto first = test::run(service_->data_key("envelope"));
  const Bytes first_key = *fake_kms_.document().public_key;
  const auto second = test::run(service_->data_key("envelope"));
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->plaintext.size(), 32u);
  EXPECT_EQ(first->ciphertext, (Bytes{0, 1, 2}));
  EXPECT_NE(*fake_kms_.document().public_key, first_key);
  EXPECT_EQ(fake_kms_.peer.requests.size(), 2u);
}

TEST_F(SecretServiceTest, RefusesSecretsNobodyDeclared) {
  EXPECT_EQ(test::run(service_->secret("other")).error().reason, reason::kNoSuchSecret);
  EXPECT_EQ(test::run(service_->secret("envelope")).error().reason, reason::kWrongOperation);
  EXPECT_EQ(test::run(service_->data_key("database-password")).error().reason,
            reason::kWrongOperation);
  EXPECT_TRUE(enclave_.peer.requests.empty());
}

TEST_F(SecretServiceTest, RefusesAParentThatAsksForAnotherKey) {
  offer(R"({"ciphertext":"AAEC","keyId":"arn:aws:kms:us-east-1:111122223333:key/other"})");
  expect_refused(reason::kBindingMismatch);
  EXPECT_TRUE(fake_kms_.peer.requests.empty());
}

TEST_F(SecretServiceTest, RefusesAParentThatAsksForAnotherContext) {
  for (const char* context : {R"({"app":"other"})", "{}", R"({"app":"demo","more":"x"})"}) {
    offer(R"({"ciphertext":"AAEC","encryptionContext":)" + std::string(context) + "}");
    expect_refused(reason::kBindingMismatch);
  }
  EXPECT_TRUE(fake_kms_.peer.requests.empty());
}

TEST_F(SecretServiceTest, AcceptsWishesThatAgree) {
  offer(R"({"ciphertext":"AAEC","encryptionContext":{"app":"demo"},"keyId":")" +
        std::string(kKeyArn) + "\"}");
  EXPECT_TRUE(get().has_value());
}

TEST_F(SecretServiceTest, RefusesMalformedOffers) {
  for (const char* bad :
       {"", "[]", "{}", R"({"ciphertext":""})", R"({"ciphertext":"AAE"})", R"({"ciphertext":7})",
        R"({"ciphertext":"AAEC","keyId":7})", R"({"ciphertext":"AAEC","encryptionContext":[]})",
        R"({"ciphertext":"AAEC","encryptionContext":{"a":1}})", R"({"ciphertext":"AAEC","x":1})",
        R"({"ciphertext":"AAEC","ciphertext":"AAEC"})"}) {
    offer(bad);
    expect_refused(reason::kOfferMalformed);
  }
}

TEST_F(SecretServiceTest, RefusesHugeOffers) {
  offer(R"({"ciphertext":")" + to_base64(Bytes(kMaxCiphertextSize + 1, 1)) + "\"}");
  expect_refused(reason::kOfferMalformed);
  offer(std::string(kMaxOfferSize + 1, ' '));
  expect_refused(reason::kOfferUnavailable);
}

TEST_F(SecretServiceTest, RefusesBadCredentials) {
  for (const char* bad :
       {"", "{}", R"({"AccessKeyId":"AKIA"})", R"({"AccessKeyId":"AKIA","SecretAccessKey":""})"}) {
    enclave_.peer.answer("/v1/credentials", 200, bad);
    expect_refused(reason::kCredentialsUnavailable);
  }
}

TEST_F(SecretServiceTest, RefusesAnAnswerForAnotherKey) {
  expect_forgery_refused(reason::kAnswerKeyMismatch, [](json::object& answer) {
    answer["KeyId"] = "arn:aws:kms:us-east-1:111122223333:key/other";
  });
}

TEST_F(SecretServiceTest, RefusesAnAnswerForTheBareKeyId) {
  expect_forgery_refused(reason::kAnswerKeyMismatch, [](json::object& answer) {
    answer["KeyId"] = "1234abcd-12ab-34cd-56ef-1234567890ab";
  });
}

TEST_F(SecretServiceTest, RefusesAnAnswerWithoutAKey) {
  expect_forgery_refused(reason::kAnswerMalformed,
                         [](json::object& answer) { answer.erase("KeyId"); });
}

TEST_F(SecretServiceTest, RefusesAnAnswerWithAPlaintext) {
  expect_forgery_refused(reason::kAnswerPlaintext,
                         [](json::object& answer) { answer["Plaintext"] = "AAEC"; });
}

TEST_F(SecretServiceTest, AcceptsANullPlaintext) {
  fake_kms_.forge = [](json::object& answer) { answer["Plaintext"] = nullptr; };
  EXPECT_TRUE(get().has_value());
}

TEST_F(SecretServiceTest, RefusesAnAnswerWithoutARecipientCiphertext) {
  expect_forgery_refused(reason::kAnswerNoCiphertext,
                         [](json::object& answer) { answer.erase("CiphertextForRecipient"); });
}

TEST_F(SecretServiceTest, RefusesGarbageInsteadOfACms) {
  expect_forgery_refused(reason::kAnswerUndecipherable,
                         [](json::object& answer) { answer["CiphertextForRecipient"] = "AAEC"; });
}

TEST_F(SecretServiceTest, RefusesACmsForAnotherKey) {
  expect_forgery_refused(reason::kAnswerUndecipherable, [](json::object& answer) {
    const auto other = crypto::RsaPrivateKey::generate().value();
    const Secret chosen = Secret::copy_of(as_bytes("chosen by the attacker"));
    answer["CiphertextForRecipient"] = to_base64(crypto::cms_seal(chosen, other.spki()).value());
  });
}

TEST_F(SecretServiceTest, RefusesAnotherAlgorithm) {
  expect_forgery_refused(reason::kAnswerMalformed, [](json::object& answer) {
    answer["EncryptionAlgorithm"] = "RSAES_OAEP_SHA_256";
  });
}

TEST_F(SecretServiceTest, RefusesAHugeAnswer) {
  expect_forgery_refused(reason::kAnswerMalformed, [](json::object& answer) {
    answer["Padding"] = std::string(70'000, 'x');
  });
}

TEST_F(SecretServiceTest, RefusesADataKeyOfAnotherSize) {
  fake_kms_.forge = [&](json::object& answer) {
    answer["CiphertextForRecipient"] =
        to_base64(crypto::cms_seal(Secret(16), *fake_kms_.document().public_key).value());
  };
  EXPECT_EQ(test::run(service_->data_key("envelope")).error().reason, reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, PassesOnWhatKmsSays) {
  fake_kms_.peer.answer(
      "/", 400, R"({"__type":"com.amazonaws.kms#AccessDeniedException","Message":"no\u001b"})");
  expect_refused(reason::kKmsAccessDenied);
  EXPECT_EQ(enclave_.console.decisions.back().detail, "KMS: AccessDeniedException: no?");
  EXPECT_EQ(fake_kms_.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, TriesAgainWithANewDocumentEachTime) {
  std::vector<Bytes> keys;
  fake_kms_.peer.answers["/"] = [&](const net::HttpRequest& request) {
    net::HttpResponse honest = fake_kms_.respond(request);
    keys.push_back(*fake_kms_.document().public_key);
    if (keys.size() < 3) return net::json_response(400, R"({"__type":"ThrottlingException"})");
    return honest;
  };
  ASSERT_TRUE(get().has_value());
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_NE(keys[1], keys[2]);
}

TEST_F(SecretServiceTest, GivesUpAfterThreeTries) {
  fake_kms_.peer.answer("/", 503, "");
  expect_refused(reason::kKmsUnavailable);
  EXPECT_EQ(fake_kms_.peer.requests.size(), 3u);
}

TEST_F(SecretServiceTest, DoesNotReleaseWhatTheParentDoesNotRecord) {
  enclave_.peer.answer("/v1/decisions", 500, "");
  EXPECT_EQ(get().error().reason, reason::kDecisionNotRecorded);
  // Nor is it kept for the next time: that is a new decision.
  enclave_.peer.answer("/v1/decisions", 204, "");
  EXPECT_TRUE(get().has_value());
  EXPECT_EQ(fake_kms_.peer.requests.size(), 2u);
}

TEST_F(SecretServiceTest, DoesNotReleaseWhatTheConsoleDoesNotTake) {
  enclave_.console.broken = true;
  EXPECT_FALSE(get().has_value());
}

class WorkloadApiTest : public SecretServiceTest {
 protected:
  Result<net::HttpResponse> ask(std::string method, std::string target) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    return test::run(api_.handle(std::move(request)));
  }

  WorkloadApi api_{*validated_, *service_, enclave_.clock};
};

TEST_F(WorkloadApiTest, ServesTheSecretsBytes) {
  const auto response = ask("GET", "/v1/secrets/database-password");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200u);
  EXPECT_EQ(as_text(response->body), kSecretText);
}

TEST_F(WorkloadApiTest, ServesDataKeysAsJson) {
  const auto response = ask("POST", "/v1/data-keys/envelope");
  ASSERT_TRUE(response.has_value());
  const auto body = parse_json(as_text(response->body), 4096);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->get_object().at("key"), json::value(to_base64(Bytes(32))));
  EXPECT_EQ(body->get_object().at("ciphertext"), json::value("AAEC"));
}

TEST_F(WorkloadApiTest, SaysWhoTheEnclaveIs) {
  const auto response = ask("GET", "/v1/status");
  ASSERT_TRUE(response.has_value());
  const auto body = parse_json(as_text(response->body), 4096);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->get_object().at("release"), json::value(3));
  EXPECT_EQ(body->get_object().at("time"), json::value("2026-03-01T12:00:00Z"));
}

TEST_F(WorkloadApiTest, RefusesOtherMethodsAndTargets) {
  EXPECT_EQ(ask("POST", "/v1/secrets/database-password")->status, 405u);
  EXPECT_EQ(ask("GET", "/v1/data-keys/envelope")->status, 405u);
  EXPECT_EQ(ask("DELETE", "/v1/status")->status, 405u);
  EXPECT_EQ(ask("GET", "/")->status, 404u);
  EXPECT_EQ(ask("GET", "/v1/secrets/../status").error().reason, reason::kNoSuchSecret);
}

}  // namespace
}  // namespace cofferdam::agent
