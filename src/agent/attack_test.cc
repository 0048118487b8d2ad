// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "agent/reason.h"
#include "agent/sealing_service.h"
#include "agent/test_kms.h"
#include "base/encoding.h"
#include "custody/envelope.h"

// One test for each attack on the calls of the agent, named after it; docs/threat-model.md
// lists them beside the claims they guard.
namespace cofferdam::agent {
namespace {

using test::FakeKms;
using test::kKeyArn;
using test::TestRelease;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kSecrets = R"(
[[secret]]
name = "api-token"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
context = { app = "other" }
[[secret]]
name = "sealed-token"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
context = { app = "token" }
envelope = true
[[secret]]
name = "sealed-pin"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
context = { app = "pin" }
envelope = true
[[secret]]
name = "pair"
operation = "GenerateDataKeyPair"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
key_spec = "ECC_NIST_P256"
[[secret]]
name = "root"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
context = { app = "root" }
[[sealing]]
name = "ledger"
roots = ["root"]
)";

class AttackTest : public testing::Test {
 protected:
  AttackTest() : lab_({.extra_config = std::string(kSecrets)}) {}

  static std::string offer_of(ByteView ciphertext) {
    return R"({"ciphertext":")" + to_base64(ciphertext) + R"("})";
  }

  // An envelope for this secret under a data key of its own, which KMS gives for `wrapped`.
  custody::Envelope envelope(const std::string& name, std::uint8_t wrapped, std::string_view text) {
    const SecretSpec& spec = *lab_.validated->config().find_secret(name);
    custody::DataKey key{.plaintext = Secret(32), .wrapped = Bytes{wrapped}};
    key.plaintext.reveal_mut()[0] = wrapped;
    lab_.kms.plaintexts.insert_or_assign(to_base64(key.wrapped), key.plaintext.clone());
    custody::EnvelopeSubject subject;
    subject.name = name;
    subject.context = custody::context_digest(spec.key_arn, lab_.service->context_of(spec).value());
    return custody::Envelope::seal(key, subject, Secret::copy_of(as_bytes(text))).value();
  }

  void expect_refused(const std::string& name, std::string_view reason) {
    const auto secret = lab_.get(name);
    ASSERT_FALSE(secret.has_value());
    EXPECT_EQ(secret.error().reason, reason) << secret.error().detail;
  }

  TestRelease lab_;
};

TEST_F(AttackTest, OmittedRecipient) {
  lab_.kms.forge = [](json::object& answer) {
    answer.erase("CiphertextForRecipient");
    answer["Plaintext"] = "AAEC";
  };
  expect_refused("database-password", reason::kAnswerPlaintext);
  ASSERT_FALSE(test::run(lab_.service->data_key("envelope")).has_value());
  ASSERT_FALSE(test::run(lab_.service->key_pair("pair")).has_value());
  for (const net::HttpRequest& request : lab_.kms.peer.requests) {
    EXPECT_THAT(std::string(as_text(request.body)), HasSubstr(R"("Recipient")"));
  }
}

// Data keys are wrapped under one KMS key, and each envelope carries its own.
TEST_F(AttackTest, WrappedKeySubstitution) {
  const Bytes token = envelope("sealed-token", 1, "token").encode();
  lab_.offer(offer_of(token), "sealed-token");
  // KMS unwraps the key of another envelope where this one's was asked for.
  lab_.kms.plaintexts.insert_or_assign(to_base64(Bytes{1}), Secret(32));
  expect_refused("sealed-token", "key_not_committed");
}

TEST_F(AttackTest, ContextPairSwap) {
  lab_.offer(R"({"ciphertext":"AAEC","encryptionContext":{"app":"other"}})");
  expect_refused("database-password", reason::kBindingMismatch);
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
  // Unstated, the other's ciphertext goes to KMS under the declared context, not its own.
  lab_.offer(R"({"ciphertext":"AAEC"})");
  ASSERT_TRUE(lab_.get().has_value());
  const json::object& sent = lab_.kms.request().at("EncryptionContext").get_object();
  EXPECT_EQ(sent.at("app"), json::value("demo"));
}

TEST_F(AttackTest, CiphertextRelocation) {
  const Bytes token = envelope("sealed-token", 1, "token").encode();
  lab_.offer(offer_of(token), "sealed-pin");
  expect_refused("sealed-pin", "wrong_subject");
  EXPECT_TRUE(lab_.kms.peer.requests.empty()) << "KMS is not asked";
  lab_.offer(offer_of(token), "sealed-token");
  EXPECT_EQ(as_text(lab_.get("sealed-token")->reveal()), "token");
}

// Each names something that leads to the key, or once did, or looks like it.
constexpr std::array<std::string_view, 4> kOtherKeys{
    "arn:aws:kms:us-east-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-east-1:111122223333:alias/demo",
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"};

TEST_F(AttackTest, KeyAliasRegionAndAccountConfusion) {
  for (const std::string_view other : kOtherKeys) {
    lab_.offer(R"({"ciphertext":"AAEC","keyId":")" + std::string(other) + "\"}");
    expect_refused("database-password", reason::kBindingMismatch);
  }
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
  lab_.offer(R"({"ciphertext":"AAEC"})");
  for (const std::string_view other : kOtherKeys) {
    lab_.kms.forge = [other](json::object& answer) { answer["KeyId"] = other; };
    expect_refused("database-password", reason::kAnswerKeyMismatch);
    EXPECT_EQ(lab_.kms.request().at("KeyId"), json::value(kKeyArn));
  }
}

TEST_F(AttackTest, RollbackOfSealedState) {
  SealingService sealing({*lab_.validated, *lab_.service, lab_.enclave.parent});
  lab_.kms.secret = std::string(32, 'r');
  lab_.offer(R"({"ciphertext":"AAEC"})", "root");
  const auto old_state = test::run(sealing.seal("ledger", Secret::copy_of(as_bytes("1")), 1));
  ASSERT_TRUE(old_state.has_value()) << old_state.error().detail;
  EXPECT_TRUE(test::run(sealing.unseal("ledger", *old_state, 1)).has_value());
  const auto back = test::run(sealing.unseal("ledger", *old_state, 2));
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().reason, "rolled_back");
}

// The answer to one call as the answer to the next.
TEST_F(AttackTest, ReplayOfAnAnswer) {
  json::object first;
  lab_.kms.forge = [&](json::object& answer) { first = answer; };
  ASSERT_TRUE(test::run(lab_.service->data_key("envelope")).has_value());
  lab_.kms.forge = [&](json::object& answer) { answer = first; };
  EXPECT_EQ(test::run(lab_.service->data_key("envelope")).error().reason,
            reason::kAnswerUndecipherable);
}

// CMS authenticates nobody: what the parent forges for a key it has seen is refused because
// that key has gone with its call. For the key of the call itself only TLS helps, which is
// another test.
TEST_F(AttackTest, ForgedCmsForAnEarlierRecipient) {
  ASSERT_TRUE(lab_.get().has_value());
  const Bytes seen = *lab_.kms.document().public_key;
  lab_.kms.forge = [&](json::object& answer) {
    answer["CiphertextForRecipient"] = FakeKms::seal_for(Secret(32), seen);
  };
  EXPECT_EQ(test::run(lab_.service->data_key("envelope")).error().reason,
            reason::kAnswerUndecipherable);
}

// A document is made for one call: another operation, key spec or counter is another digest.
TEST_F(AttackTest, DocumentReuse) {
  std::set<Bytes> bindings;
  std::set<Bytes> keys;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(test::run(lab_.service->data_key("envelope")).has_value());
    const attest::Document document = lab_.kms.document();
    EXPECT_EQ(document.user_data, to_bytes(lab_.kms.stated_binding().digest()));
    EXPECT_TRUE(bindings.insert(*document.user_data).second);
    EXPECT_TRUE(keys.insert(*document.public_key).second);
  }
}

TEST_F(AttackTest, ParentSuppliedTime) {
  const Timestamp before = lab_.enclave.clock.now();
  for (
      const auto& [target, body] :
      {std::pair{"/v1/ciphertexts/database-password", R"({"ciphertext":"AAEC"})"},
       std::pair{
           "/v1/credentials",
           R"({"AccessKeyId":"AKIA","SecretAccessKey":"s","Expiration":"2001-01-01T00:00:00Z"})"}}) {
    lab_.enclave.peer.answers[target] = [body](const net::HttpRequest&) {
      net::HttpResponse out = net::text_response(200, "application/json", body);
      out.headers.emplace_back("Date", "Tue, 01 Jan 2036 00:00:00 GMT");
      return out;
    };
  }
  ASSERT_TRUE(lab_.get().has_value());
  EXPECT_EQ(lab_.enclave.clock.now(), before);
  EXPECT_EQ(net::header(lab_.kms.peer.requests.at(0).headers, "X-Amz-Date"), "20260301T120000Z");
}

// The parent gives the credentials of another account. They choose who pays and who is
// asked, and not the key.
TEST_F(AttackTest, CredentialSwap) {
  lab_.enclave.peer.answer("/v1/credentials", 200,
                           R"({"AccessKeyId":"ATTACKER","SecretAccessKey":"s","Token":"t"})");
  lab_.kms.forge = [](json::object& answer) { answer["KeyId"] = kOtherKeys[3]; };
  expect_refused("database-password", reason::kAnswerKeyMismatch);
  EXPECT_EQ(lab_.kms.request().at("KeyId"), json::value(kKeyArn));
}

// What the parent stated may be hostile and is not repeated; what was expected is told.
TEST_F(AttackTest, HostileValuesAreNotRepeated) {
  lab_.offer(R"({"ciphertext":"AAEC","encryptionContext":{"app":"<evil>","<worse>":"1"}})");
  const auto secret = lab_.get();
  ASSERT_FALSE(secret.has_value());
  EXPECT_THAT(secret.error().detail, HasSubstr("expected is demo"));
  EXPECT_THAT(secret.error().detail, Not(HasSubstr("evil")));
  EXPECT_THAT(secret.error().detail, Not(HasSubstr("worse")));
}

}  // namespace
}  // namespace cofferdam::agent
