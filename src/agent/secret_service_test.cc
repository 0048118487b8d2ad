// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <type_traits>

#include "agent/reason.h"
#include "agent/test_kms.h"
#include "base/encoding.h"
#include "crypto/pem.h"

namespace cofferdam::agent {
namespace {

using test::kKeyArn;
using test::TestRelease;
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

constexpr std::string_view kMoreSecrets = R"(
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

class SecretServiceTest : public testing::Test {
 protected:
  SecretServiceTest()
      : peer_(crypto::KeyPair::generate(crypto::KeyKind::p256).value()),
        lab_({.extra_config = std::string(kMoreSecrets),
              .files = {
                  {"/etc/cofferdam/peer.pem", crypto::pem_encode("PUBLIC KEY", peer_.spki())}}}) {}

  void offer(std::string_view json) { lab_.offer(json); }
  Result<Secret> get() { return lab_.get(); }
  std::vector<Task<Secret>> several_requests(int count) {
    std::vector<Task<Secret>> out;
    for (int i = 0; i < count; ++i) out.push_back(lab_.service->secret("database-password"));
    return out;
  }

  // Asks for the secret and expects a recorded refusal.
  void expect_refused(std::string_view reason) {
    const auto secret = get();
    ASSERT_FALSE(secret.has_value());
    EXPECT_EQ(secret.error().reason, reason) << secret.error().detail;
    ASSERT_FALSE(lab_.enclave.console.decisions.empty());
    const ledger::Decision& decision = lab_.enclave.console.decisions.back();
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.reason, reason);
    EXPECT_EQ(lab_.enclave.peer.targets().back(), "/v1/ledger");
  }

  void expect_forgery_refused(std::string_view reason, std::function<void(json::object&)> forge) {
    lab_.kms.forge = std::move(forge);
    expect_refused(reason);
    EXPECT_EQ(lab_.kms.peer.requests.size(), 1u) << "a forgery is not worth another try";
  }

  crypto::KeyPair peer_;
  TestRelease lab_;
};

TEST_F(SecretServiceTest, ReleasesASecretAndRecordsIt) {
  const auto secret = get();
  ASSERT_TRUE(secret.has_value()) << secret.error().detail;
  EXPECT_EQ(as_text(secret->reveal()), lab_.kms.secret);
  EXPECT_THAT(lab_.enclave.peer.targets(),
              ElementsAre("/v1/ciphertexts/database-password", "/v1/credentials", "/v1/ledger",
                          "/v1/ledger"))
      << "a ledger begins, and has the decision";
  const ledger::Decision& decision = lab_.enclave.console.decisions.back();
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.reason, "ok");
  EXPECT_EQ(decision.operation, "Decrypt");
  EXPECT_EQ(decision.key, kKeyArn);
  EXPECT_EQ(decision.context_digest, ledger::context_digest({{"app", "demo"}}));
  EXPECT_EQ(decision.pcrs.size(), 17u);
}

TEST_F(SecretServiceTest, AsksKmsForExactlyWhatWasMeasured) {
  ASSERT_TRUE(get().has_value());
  const json::object& request = lab_.kms.request();
  EXPECT_EQ(request.at("KeyId"), json::value(json::string(kKeyArn)));
  EXPECT_EQ(request.at("EncryptionContext").get_object().at("app"), json::value("demo"));
  EXPECT_EQ(request.at("CiphertextBlob"), json::value("AAECAwQ="));
  EXPECT_EQ(request.at("Recipient").get_object().at("KeyEncryptionAlgorithm"),
            json::value("RSAES_OAEP_SHA_256"));
  const net::Headers& headers = lab_.kms.peer.requests.at(0).headers;
  EXPECT_EQ(net::header(headers, "X-Amz-Target"), "TrentService.Decrypt");
  EXPECT_NE(net::header(headers, "Authorization").find("x-cofferdam-call"), std::string_view::npos);
}

TEST_F(SecretServiceTest, BindsTheDocumentToTheCall) {
  ASSERT_TRUE(get().has_value());
  const attest::CallBinding binding = lab_.kms.stated_binding();
  EXPECT_EQ(binding.operation, "Decrypt");
  EXPECT_EQ(binding.key_arn, kKeyArn);
  EXPECT_EQ(binding.ciphertext_digest, crypto::sha384(Bytes{0, 1, 2, 3, 4}));
  EXPECT_EQ(lab_.kms.document().user_data, to_bytes(binding.digest()));
}

TEST_F(SecretServiceTest, FetchesASecretOnce) {
  ASSERT_TRUE(get().has_value());
  ASSERT_TRUE(get().has_value());
  EXPECT_EQ(lab_.kms.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, MakesEachDataKeyAnew) {
  const auto first = test::run(lab_.service->data_key("envelope"));
  const Bytes first_key = *lab_.kms.document().public_key;
  const auto second = test::run(lab_.service->data_key("envelope"));
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->plaintext.size(), 32u);
  EXPECT_EQ(first->ciphertext, (Bytes{0, 1, 2}));
  EXPECT_NE(*lab_.kms.document().public_key, first_key);
  EXPECT_EQ(lab_.kms.peer.requests.size(), 2u);
}

TEST_F(SecretServiceTest, RefusesSecretsNobodyDeclared) {
  EXPECT_EQ(test::run(lab_.service->secret("other")).error().reason, reason::kNoSuchSecret);
  EXPECT_EQ(test::run(lab_.service->secret("envelope")).error().reason, reason::kWrongOperation);
  EXPECT_EQ(test::run(lab_.service->data_key("database-password")).error().reason,
            reason::kWrongOperation);
  EXPECT_TRUE(lab_.enclave.peer.requests.empty());
}

TEST_F(SecretServiceTest, RefusesAParentThatAsksForAnotherKey) {
  offer(R"({"ciphertext":"AAEC","keyId":"arn:aws:kms:us-east-1:111122223333:key/other"})");
  expect_refused(reason::kBindingMismatch);
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
}

TEST_F(SecretServiceTest, RefusesAParentThatAsksForAnotherContext) {
  for (const char* context : {R"({"app":"other"})", "{}", R"({"app":"demo","more":"x"})"}) {
    offer(R"({"ciphertext":"AAEC","encryptionContext":)" + std::string(context) + "}");
    expect_refused(reason::kBindingMismatch);
  }
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
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
    lab_.enclave.peer.answer("/v1/credentials", 200, bad);
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
  lab_.kms.forge = [](json::object& answer) { answer["Plaintext"] = nullptr; };
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
    answer["CiphertextForRecipient"] = test::FakeKms::seal_for(chosen, other.spki());
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
  lab_.kms.forge = [&](json::object& answer) {
    answer["CiphertextForRecipient"] = lab_.kms.seal(Secret(16));
  };
  EXPECT_EQ(test::run(lab_.service->data_key("envelope")).error().reason, reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, PassesOnWhatKmsSays) {
  lab_.kms.peer.answer(
      "/", 400, R"({"__type":"com.amazonaws.kms#AccessDeniedException","Message":"no\u001b"})");
  expect_refused(reason::kKmsAccessDenied);
  EXPECT_EQ(lab_.enclave.console.decisions.back().detail, "KMS: AccessDeniedException: no?");
  EXPECT_EQ(lab_.kms.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, TriesAgainWithANewDocumentEachTime) {
  std::vector<Bytes> keys;
  lab_.kms.peer.answers["/"] = [&](const net::HttpRequest& request) {
    net::HttpResponse honest = lab_.kms.respond(request);
    keys.push_back(*lab_.kms.document().public_key);
    if (keys.size() < 3) return net::json_response(400, R"({"__type":"ThrottlingException"})");
    return honest;
  };
  ASSERT_TRUE(get().has_value());
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_NE(keys[1], keys[2]);
}

TEST_F(SecretServiceTest, GivesUpAfterThreeTries) {
  lab_.kms.peer.answer("/", 503, "");
  expect_refused(reason::kKmsUnavailable);
  EXPECT_EQ(lab_.kms.peer.requests.size(), 3u);
}

TEST_F(SecretServiceTest, DoesNotReleaseWhatTheParentDoesNotRecord) {
  lab_.enclave.peer.answer("/v1/ledger", 500, "");
  EXPECT_EQ(get().error().reason, reason::kDecisionNotRecorded);
  // Nor is it kept for the next time: that is a new decision.
  lab_.enclave.peer.answer("/v1/ledger", 204, "");
  EXPECT_TRUE(get().has_value());
  EXPECT_EQ(lab_.kms.peer.requests.size(), 2u);
}

TEST_F(SecretServiceTest, DoesNotReleaseWhatTheConsoleDoesNotTake) {
  lab_.enclave.console.broken = true;
  EXPECT_FALSE(get().has_value());
}

TEST_F(SecretServiceTest, GeneratesAKeyPairWhoseHalvesBelongTogether) {
  const auto released = test::run(lab_.service->key_pair("signing-key"));
  ASSERT_TRUE(released.has_value()) << released.error().detail;
  const auto pair = crypto::KeyPair::from_pkcs8(released->plaintext);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(pair->spki(), released->public_key);
  EXPECT_EQ(released->ciphertext, (Bytes{0, 1, 2}));
  EXPECT_EQ(lab_.kms.request().at("KeyPairSpec"), json::value("ECC_NIST_P256"));
  const attest::CallBinding binding = lab_.kms.stated_binding();
  EXPECT_EQ(binding.parameters.at("KeyPairSpec"), "ECC_NIST_P256");
  EXPECT_EQ(lab_.kms.document().user_data, to_bytes(binding.digest()));
}

TEST_F(SecretServiceTest, RefusesThePublicKeyOfAnotherPair) {
  lab_.kms.forge = [&](json::object& answer) { answer["PublicKey"] = to_base64(peer_.spki()); };
  EXPECT_EQ(test::run(lab_.service->key_pair("signing-key")).error().reason,
            reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, RefusesAKeyPairOfAnotherKind) {
  const auto other = crypto::KeyPair::generate(crypto::KeyKind::p384).value();
  lab_.kms.forge = [&](json::object& answer) {
    answer["PublicKey"] = to_base64(other.spki());
    answer["CiphertextForRecipient"] = lab_.kms.seal(other.to_pkcs8());
  };
  EXPECT_EQ(test::run(lab_.service->key_pair("signing-key")).error().reason,
            reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, RefusesAKeyPairThatSaysItIsOfAnotherKind) {
  lab_.kms.forge = [](json::object& answer) { answer["KeyPairSpec"] = "ECC_NIST_P384"; };
  EXPECT_EQ(test::run(lab_.service->key_pair("signing-key")).error().reason,
            reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, RefusesAPrivateKeyInClear) {
  lab_.kms.forge = [](json::object& answer) { answer["PrivateKeyPlaintext"] = "AAEC"; };
  EXPECT_EQ(test::run(lab_.service->key_pair("signing-key")).error().reason,
            reason::kAnswerPlaintext);
}

TEST_F(SecretServiceTest, AsksForRandomBytesWithoutAKey) {
  const auto bytes = test::run(lab_.service->random("seed"));
  ASSERT_TRUE(bytes.has_value()) << bytes.error().detail;
  EXPECT_EQ(bytes->size(), 48u);
  EXPECT_EQ(lab_.kms.request().at("NumberOfBytes"), json::value(48));
  EXPECT_FALSE(lab_.kms.request().contains("KeyId"));
  EXPECT_EQ(lab_.kms.stated_binding().parameters.at("NumberOfBytes"), "48");
}

TEST_F(SecretServiceTest, RefusesFewerRandomBytesThanItAskedFor) {
  lab_.kms.forge = [&](json::object& answer) {
    answer["CiphertextForRecipient"] = lab_.kms.seal(Secret(47));
  };
  EXPECT_EQ(test::run(lab_.service->random("seed")).error().reason, reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, DerivesASharedSecretWithTheMeasuredPeer) {
  const auto shared = lab_.get("shared");
  ASSERT_TRUE(shared.has_value()) << shared.error().detail;
  EXPECT_EQ(*shared, lab_.kms.agreement_key.agree(peer_.spki()).value());
  EXPECT_EQ(lab_.kms.request().at("PublicKey"), json::value(to_base64(peer_.spki())));
  const attest::CallBinding binding = lab_.kms.stated_binding();
  EXPECT_EQ(binding.ciphertext_digest, crypto::sha384(peer_.spki()));
  EXPECT_EQ(binding.parameters.at("KeyAgreementAlgorithm"), "ECDH");
  ASSERT_TRUE(lab_.get("shared").has_value());
  EXPECT_EQ(lab_.kms.peer.requests.size(), 1u) << "it is stable";
}

TEST_F(SecretServiceTest, RefusesASharedSecretOfAnotherCurve) {
  lab_.kms.forge = [&](json::object& answer) {
    answer["CiphertextForRecipient"] = lab_.kms.seal(Secret(48));
  };
  EXPECT_EQ(lab_.get("shared").error().reason, reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, RefusesAnotherAgreementAlgorithm) {
  lab_.kms.forge = [](json::object& answer) { answer["KeyAgreementAlgorithm"] = "X25519"; };
  EXPECT_EQ(lab_.get("shared").error().reason, reason::kAnswerMalformed);
}

TEST_F(SecretServiceTest, DecryptsWhatTheWorkloadBringsAndKeepsNothing) {
  for (int i = 0; i < 2; ++i) {
    const auto secret = test::run(lab_.service->decrypt("database-password", Bytes{7, 8}));
    ASSERT_TRUE(secret.has_value()) << secret.error().detail;
  }
  EXPECT_EQ(lab_.kms.peer.requests.size(), 2u);
  EXPECT_EQ(lab_.kms.request().at("CiphertextBlob"), json::value("Bwg="));
  EXPECT_EQ(lab_.kms.request().at("EncryptionContext").get_object().at("app"), json::value("demo"));
}

TEST_F(SecretServiceTest, RefusesACiphertextThatKmsWouldRefuse) {
  for (const std::size_t size : {std::size_t{0}, kMaxCiphertextSize + 1}) {
    const auto secret = test::run(lab_.service->decrypt("database-password", Bytes(size, 1)));
    EXPECT_EQ(secret.error().reason, reason::kKmsInvalidRequest);
  }
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
}

TEST_F(SecretServiceTest, ThoseWhoAskAtTheSameTimeShareOneCall) {
  for (const auto& secret : test::run_all(several_requests(8))) EXPECT_TRUE(secret.has_value());
  EXPECT_EQ(lab_.kms.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, ThoseWhoAskAtTheSameTimeShareOneRefusal) {
  lab_.kms.peer.answer("/", 400, R"({"__type":"AccessDeniedException"})");
  for (const auto& secret : test::run_all(several_requests(8))) {
    EXPECT_EQ(secret.error().reason, reason::kKmsAccessDenied);
  }
  EXPECT_EQ(lab_.kms.peer.requests.size(), 1u);
}

TEST_F(SecretServiceTest, AnOutageMakesNoStormOfRetries) {
  lab_.kms.peer.answer("/", 503, "");
  constexpr int kRequests = 30;
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_EQ(test::run(lab_.service->data_key("envelope")).error().reason,
              reason::kKmsUnavailable);
  }
  EXPECT_EQ(lab_.kms.peer.requests.size(), kRequests + 10u);
  EXPECT_EQ(lab_.service->figures().retries, 10u);
}

TEST_F(SecretServiceTest, CountsForThoseWhoWatch) {
  ASSERT_TRUE(get().has_value());
  lab_.kms.peer.answer("/", 400, R"({"__type":"AccessDeniedException"})");
  ASSERT_FALSE(test::run(lab_.service->data_key("envelope")).has_value());
  const SecretService::Figures& figures = lab_.service->figures();
  EXPECT_EQ(figures.fetched.at("database-password"), lab_.enclave.clock.now());
  EXPECT_EQ(figures.denials.at("kms_access_denied"), 1u);
  EXPECT_EQ(figures.calls, 2u);
  EXPECT_EQ(figures.retries, 0u);
}

}  // namespace
}  // namespace cofferdam::agent
