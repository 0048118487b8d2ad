// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::TestCloud;
using test::TestEnclave;

constexpr std::uint8_t kPcr0 = 0x5a;
constexpr std::string_view kSecret = "database-password";

// The enclave's role may decrypt, from an enclave with PCR0 = 5a5a... only.
std::string attestation_policy() {
  const std::string pcr0 = to_hex(Bytes(48, kPcr0));
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
         R"("arn:aws:iam::111122223333:user/admin"},"Action":["kms:PutKeyPolicy","kms:Encrypt"],)"
         R"("Resource":"*"},{"Effect":"Allow","Principal":{"AWS":)"
         R"("arn:aws:iam::111122223333:role/cofferdam-enclave"},"Action":["kms:Decrypt",)"
         R"("kms:GenerateDataKey"],"Resource":"*","Condition":{"StringEqualsIgnoreCase":)"
         R"({"kms:RecipientAttestation:ImageSha384":")" +
         pcr0 + R"("}}}]})";
}

class KmsRecipientTest : public ::testing::Test {
 protected:
  explicit KmsRecipientTest(CloudOptions options = {})
      : cloud_(std::move(options)), enclave_(cloud_, TestEnclave::measured(kPcr0)) {}

  void SetUp() override {
    key_ = cloud_.create_key(attestation_policy());
    const Answer answer = cloud_.kms("Encrypt", {{"KeyId", key_},
                                                 {"Plaintext", to_base64(as_bytes(kSecret))},
                                                 {"EncryptionContext", {{"app", "demo"}}}});
    blob_ = answer.text("CiphertextBlob");
  }

  Answer decrypt(ByteView document, net::Headers extra = {}) {
    return decrypt_with(TestEnclave::recipient(document), std::move(extra));
  }
  Answer decrypt_with(const json::object& recipient, net::Headers extra = {}) {
    return cloud_.kms(cloud_.enclave(), "Decrypt",
                      {{"CiphertextBlob", blob_},
                       {"EncryptionContext", {{"app", "demo"}}},
                       {"Recipient", recipient}},
                      std::move(extra));
  }

  // What the agent states about the call that decrypt() makes.
  attest::CallBinding binding() const {
    return {.operation = "Decrypt",
            .key_arn = key_,
            .encryption_context = {{"app", "demo"}},
            .ciphertext_digest = crypto::sha384(*from_base64(blob_)),
            .counter = 7};
  }
  static net::Headers statement(const attest::CallBinding& binding) {
    return {{std::string(attest::kCallBindingHeader), to_base64(binding.encode())}};
  }

  void expect_denied(const Answer& answer, std::string_view error, std::string_view reason) {
    EXPECT_EQ(answer.status, 400U);
    EXPECT_EQ(answer.error(), error) << json::serialize(answer.body);
    EXPECT_EQ(answer.body.count("CiphertextForRecipient"), 0U);
    EXPECT_EQ(answer.body.count("Plaintext"), 0U);
    ASSERT_FALSE(cloud_.log.decisions.empty());
    EXPECT_FALSE(cloud_.log.last().allowed);
    EXPECT_EQ(cloud_.log.last().reason, reason) << cloud_.log.last().detail;
  }

  TestCloud cloud_;
  TestEnclave enclave_;
  std::string key_;
  std::string blob_;
};

TEST_F(KmsRecipientTest, ReleasesTheSecretToTheMeasuredEnclaveOnly) {
  const Bytes document = enclave_.document();
  const Answer answer = decrypt(document);
  ASSERT_EQ(answer.status, 200U) << json::serialize(answer.body);
  EXPECT_EQ(enclave_.open(answer), kSecret);
  EXPECT_EQ(answer.body.count("Plaintext"), 0U);
  EXPECT_EQ(answer.text("KeyId"), key_);
  const ledger::Decision& decision = cloud_.log.last();
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.pcrs.at(0), to_hex(Bytes(48, kPcr0)));
  EXPECT_EQ(decision.document_digest, to_hex(crypto::sha384(document)));
  EXPECT_FALSE(decision.module_id.empty());
}

TEST_F(KmsRecipientTest, TheAnswerIsTheBerOfRealKms) {
  const auto sealed = from_base64(decrypt(enclave_.document()).text("CiphertextForRecipient"));
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(to_hex(ByteView(*sealed).first(13)), "308006092a864886f70d010703");
}

TEST_F(KmsRecipientTest, GeneratesADataKeyForTheEnclave) {
  const Answer answer = cloud_.kms(cloud_.enclave(), "GenerateDataKey",
                                   {{"KeyId", key_},
                                    {"KeySpec", "AES_256"},
                                    {"Recipient", TestEnclave::recipient(enclave_.document())}});
  ASSERT_EQ(answer.status, 200U) << json::serialize(answer.body);
  EXPECT_EQ(answer.body.count("Plaintext"), 0U);
  EXPECT_EQ(enclave_.open(answer).size(), 32U);
  EXPECT_FALSE(answer.text("CiphertextBlob").empty());
}

TEST_F(KmsRecipientTest, DeniesTheSameCredentialsWithoutADocument) {
  expect_denied(cloud_.kms(cloud_.enclave(), "Decrypt",
                           {{"CiphertextBlob", blob_}, {"EncryptionContext", {{"app", "demo"}}}}),
                "AccessDeniedException", "policy_denied");
}

TEST_F(KmsRecipientTest, DeniesAnotherImage) {
  TestEnclave other(cloud_, TestEnclave::measured(kPcr0 + 1));
  expect_denied(decrypt(other.document()), "AccessDeniedException", "policy_denied");
  EXPECT_EQ(cloud_.log.last().pcrs.at(0), to_hex(Bytes(48, kPcr0 + 1)));
}

TEST_F(KmsRecipientTest, DeniesDebugModeBecauseItsRegistersAreZero) {
  nsm::BootState state = TestEnclave::measured(kPcr0);
  state.debug_mode = true;
  TestEnclave debug(cloud_, std::move(state));
  expect_denied(decrypt(debug.document()), "AccessDeniedException", "policy_denied");
  EXPECT_EQ(cloud_.log.last().pcrs.at(0), to_hex(Bytes(48, 0)));
}

TEST_F(KmsRecipientTest, RefusesADocumentOfAnotherRoot) {
  const TestCloud elsewhere;
  TestEnclave stranger(elsewhere, TestEnclave::measured(kPcr0));
  expect_denied(decrypt(stranger.document()), "ValidationException", "untrusted_root");
  EXPECT_TRUE(cloud_.log.last().pcrs.empty()) << "nothing unverified is on record";
}

TEST_F(KmsRecipientTest, RefusesADocumentOfTheRealAws) {
  const char* const folder = std::getenv("COFFERDAM_VECTORS");
  const std::filesystem::path vectors = folder != nullptr ? folder : "../shared/vectors";
  const auto document = read_file(
      vectors / "attestation/Dstack-TEE--dstack_2025-12-25_prod_54ae0f97.bin", /*max_size=*/65'536);
  if (!document) GTEST_SKIP() << document.error().detail;
  cloud_.clock.set(attest::parse_document(*document)->document.timestamp);
  expect_denied(decrypt(*document), "ValidationException", "untrusted_root");
}

TEST_F(KmsRecipientTest, RefusesAnOldDocument) {
  const Bytes document = enclave_.document();
  cloud_.clock.set(cloud_.clock.now() + std::chrono::minutes(6));
  expect_denied(decrypt(document), "ValidationException", "too_old");
  cloud_.clock.set(cloud_.clock.now() + std::chrono::hours(4));
  expect_denied(decrypt(document), "ValidationException", "expired");
}

TEST_F(KmsRecipientTest, RefusesADocumentUsedTwice) {
  const Bytes document = enclave_.document();
  EXPECT_EQ(decrypt(document).status, 200U);
  expect_denied(decrypt(document), "AccessDeniedException", "document_reused");
}

// The order of P-384 (SEC 2).
constexpr std::string_view kOrder =
    "ffffffffffffffffffffffffffffffffffffffffffffffff"
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973";

// (r, n - s) verifies whenever (r, s) does: the last 48 bytes of a document are s.
Bytes with_twin_signature(Bytes document) {
  const Bytes order = *from_hex(kOrder);
  int borrow = 0;
  for (std::size_t i = 1; i <= order.size(); ++i) {
    std::uint8_t& s = document[document.size() - i];
    const int difference = order[order.size() - i] - s - borrow;
    borrow = difference < 0 ? 1 : 0;
    s = static_cast<std::uint8_t>(difference + 256 * borrow);
  }
  return document;
}

Bytes with_or_without_tag(const Bytes& document) {
  if (document.front() == 0xd2) return {document.begin() + 1, document.end()};
  Bytes tagged{0xd2};
  tagged.insert(tagged.end(), document.begin(), document.end());
  return tagged;
}

TEST_F(KmsRecipientTest, RefusesTheTwinsOfAUsedDocument) {
  const Bytes document = enclave_.document();
  EXPECT_EQ(decrypt(with_twin_signature(document)).status, 200U) << "the twin itself is valid";
  expect_denied(decrypt(document), "AccessDeniedException", "document_reused");
  expect_denied(decrypt(with_or_without_tag(document)), "AccessDeniedException", "document_reused");
}

TEST_F(KmsRecipientTest, RefusesEveryChangedByteOfADocument) {
  Bytes document = enclave_.document();
  for (std::size_t i = 0; i < document.size(); i += 97) {
    document[i] ^= 0x01;
    EXPECT_NE(decrypt(document).status, 200U) << "byte " << i;
    document[i] ^= 0x01;
  }
  EXPECT_EQ(decrypt(document).status, 200U) << "refused documents are not used up";
}

TEST_F(KmsRecipientTest, RefusesADocumentWithoutARecipientKey) {
  expect_denied(decrypt(enclave_.document(nullptr, /*with_key=*/false)), "ValidationException",
                "no_recipient_key");
}

TEST_F(KmsRecipientTest, RefusesMalformedRecipients) {
  json::object recipient = TestEnclave::recipient(enclave_.document());
  recipient["KeyEncryptionAlgorithm"] = "RSAES_OAEP_SHA_1";
  expect_denied(decrypt_with(recipient), "ValidationException", "invalid_request");
  recipient.erase("KeyEncryptionAlgorithm");
  expect_denied(decrypt_with(recipient), "ValidationException", "invalid_request");
  expect_denied(decrypt_with({{"KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"}}),
                "ValidationException", "invalid_request");
  expect_denied(decrypt(as_bytes("not a document")), "ValidationException", "malformed");
}

TEST_F(KmsRecipientTest, AcceptsADocumentMadeForThisCall) {
  const attest::CallBinding made_for = binding();
  const Answer answer = decrypt(enclave_.document(&made_for), statement(made_for));
  EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
  EXPECT_EQ(enclave_.open(answer), kSecret);
}

TEST_F(KmsRecipientTest, RefusesADocumentMadeForAnotherCall) {
  std::vector<attest::CallBinding> others(6, binding());
  others[0].operation = "GenerateDataKey";
  others[1].key_arn += "0";
  others[2].encryption_context["app"] = "other";
  others[3].ciphertext_digest->back() ^= 1;
  others[4].ciphertext_digest.reset();
  others[5].parameters["KeySpec"] = "AES_256";
  for (const attest::CallBinding& other : others) {
    expect_denied(decrypt(enclave_.document(&other), statement(other)), "AccessDeniedException",
                  "binding_mismatch");
  }
}

TEST_F(KmsRecipientTest, RefusesAStatementTheDocumentDoesNotCarry) {
  const attest::CallBinding stated = binding();
  attest::CallBinding other = stated;
  other.counter += 1;
  expect_denied(decrypt(enclave_.document(&other), statement(stated)), "AccessDeniedException",
                "binding_mismatch");
  expect_denied(decrypt(enclave_.document(), statement(stated)), "AccessDeniedException",
                "binding_mismatch");
}

TEST_F(KmsRecipientTest, RefusesAStatementThatDoesNotParse) {
  const attest::CallBinding made_for = binding();
  for (const char* text : {"?", "AAAA", "oA=="}) {
    expect_denied(decrypt(enclave_.document(&made_for), {{"X-Cofferdam-Call", text}}),
                  "AccessDeniedException", "binding_mismatch");
  }
}

TEST_F(KmsRecipientTest, RefusesAStatementOutsideTheSignature) {
  const attest::CallBinding made_for = binding();
  net::HttpRequest request = cloud_.kms_request(
      "Decrypt", {{"CiphertextBlob", blob_},
                  {"EncryptionContext", {{"app", "demo"}}},
                  {"Recipient", TestEnclave::recipient(enclave_.document(&made_for))}});
  ASSERT_TRUE(aws::sign_request(request, cloud_.enclave(),
                                {.region = "us-east-1", .service = "kms"}, cloud_.clock.now()));
  request.headers.push_back(statement(made_for).front());
  expect_denied(TestCloud::read(cloud_.handle(request)), "AccessDeniedException",
                "binding_mismatch");
}

TEST_F(KmsRecipientTest, RefusesAStatementWithoutARecipient) {
  expect_denied(
      cloud_.kms(cloud_.enclave(), "Decrypt", {{"CiphertextBlob", blob_}}, statement(binding())),
      "AccessDeniedException", "binding_mismatch");
}

class ReuseAllowedTest : public KmsRecipientTest {
 protected:
  ReuseAllowedTest() : KmsRecipientTest(CloudOptions{.place = {}, .allow_document_reuse = true}) {}
};

TEST_F(ReuseAllowedTest, AcceptsADocumentTwice) {
  const Bytes document = enclave_.document();
  EXPECT_EQ(decrypt(document).status, 200U);
  EXPECT_EQ(decrypt(document).status, 200U);
}

}  // namespace
}  // namespace cofferdam::cloud
