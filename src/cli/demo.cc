// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include "agent/config.h"
#include "attest/reason.h"
#include "base/encoding.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/demo/lab.h"
#include "cli/demo/narrator.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "nsm/authority.h"
#include "nsm/module.h"

namespace cofferdam::cli {
namespace {

using demo::Image;
using demo::Lab;
using demo::Launch;
using demo::Narrator;
using demo::Outcome;
using demo::Signer;

constexpr std::string_view kAdministrator = "arn:aws:iam::111122223333:user/admin";
constexpr std::string_view kEnclaveRole = "arn:aws:iam::111122223333:role/cofferdam-enclave";

std::string member(const json::object& object, std::string_view name) {
  return optional_string(object, name).value_or(std::nullopt).value_or("");
}

// The administrator manages and may encrypt, but not decrypt; the role decrypts only for
// an enclave with these measurements. Nothing is delegated to IAM policies.
std::string key_policy(const Image* image) {
  const json::value administrators{
      {"Sid", "AdministratorsManageButCannotDecrypt"},
      {"Effect", "Allow"},
      {"Principal", {{"AWS", kAdministrator}}},
      {"Action", {"kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:Encrypt"}},
      {"Resource", "*"}};
  json::array statements{administrators};
  if (image != nullptr) {
    statements.push_back({{"Sid", "OnlyTheMeasuredEnclaveDecrypts"},
                          {"Effect", "Allow"},
                          {"Principal", {{"AWS", kEnclaveRole}}},
                          {"Action", "kms:Decrypt"},
                          {"Resource", "*"},
                          {"Condition",
                           {{"StringEquals",
                             {{"kms:RecipientAttestation:PCR0", image->pcrs.at(0)},
                              {"kms:RecipientAttestation:PCR8", image->pcrs.at(8)},
                              {"kms:RecipientAttestation:PCR16", image->pcrs.at(16)},
                              {"kms:EncryptionContext:app", "demo"}}}}}});
  }
  return json::serialize(json::value{{"Version", "2012-10-17"}, {"Statement", statements}});
}

// The story, chapter by chapter. Each returns an error only when the stage itself breaks;
// a claim that does not hold is counted by the narrator.
class Story {
 public:
  explicit Story(Lab lab) : lab_(std::move(lab)) {}

  Status tell() {
    COFFERDAM_CHECK(build());
    COFFERDAM_CHECK(lock_the_key());
    COFFERDAM_CHECK(release());
    narrator_.chapter("4. Everyone else is refused");
    COFFERDAM_CHECK(changed_workload());
    COFFERDAM_CHECK(patched_image());
    COFFERDAM_CHECK(other_signer());
    COFFERDAM_CHECK(debug_mode());
    COFFERDAM_CHECK(old_release());
    COFFERDAM_CHECK(other_key());
    COFFERDAM_CHECK(other_context());
    COFFERDAM_CHECK(document_twice());
    COFFERDAM_CHECK(forged_answer());
    COFFERDAM_CHECK(call_from_outside());
    return {};
  }

  Exit finish() {
    narrator_.chapter(narrator_.broken_claims() == 0
                          ? "All " + std::to_string(narrator_.claims()) + " claims held."
                          : std::to_string(narrator_.broken_claims()) + " of " +
                                std::to_string(narrator_.claims()) + " claims did NOT hold.");
    return narrator_.broken_claims() == 0 ? Exit::ok : Exit::negative;
  }

 private:
  Status build() {
    narrator_.title("Cofferdam: one secret, one measured enclave, and everyone else");
    narrator_.chapter("1. Build and sign an enclave image");
    narrator_.say(
        "(The key's ARN is part of the measured configuration, so a local AWS is already");
    narrator_.say(" running and holds a key that nobody may decrypt with yet.)");
    COFFERDAM_TRY(const json::object created,
                  lab_.kms(Lab::As::administrator, "CreateKey",
                           {{"Description", "cofferdam demo"}, {"Policy", key_policy(nullptr)}}));
    key_arn_ = member(created.at("KeyMetadata").as_object(), "Arn");
    COFFERDAM_TRY(signer_, lab_.make_signer("release-signer"));
    COFFERDAM_TRY(image_, lab_.build_image({.file_name = "v2",
                                            .signer = &signer_,
                                            .key_arn = key_arn_,
                                            .release = 2,
                                            .minimum_release = 2}));
    narrator_.say(
        "cofferdam eif build --ramdisk agent+config --ramdisk workload --signing-cert ...");
    for (const auto& [index, value] : image_.pcrs) {
      narrator_.evidence("PCR" + std::to_string(index), value);
    }
    narrator_.claim(image_.pcrs.at(8) == signer_.pcr8,
                    "PCR8 is the hash of the signing certificate");
    return {};
  }

  Status lock_the_key() {
    narrator_.chapter("2. Lock a KMS key to that image and store a secret under it");
    COFFERDAM_CHECK(lab_.kms(
        Lab::As::administrator, "PutKeyPolicy",
        {{"KeyId", key_arn_}, {"PolicyName", "default"}, {"Policy", key_policy(&image_)}}));
    COFFERDAM_TRY(offer_, lab_.store_secret(key_arn_));
    narrator_.evidence("key", key_arn_);
    narrator_.evidence("policy",
                       "kms:Decrypt only with PCR0, PCR8, PCR16 of that image, context app=demo");
    const auto own =
        lab_.kms(Lab::As::administrator, "Decrypt",
                 {{"CiphertextBlob", lab_.ciphertext()}, {"EncryptionContext", context()}});
    narrator_.claim(!own, "even the administrator who encrypted the secret cannot decrypt it");
    if (!own) narrator_.quote(own.error().detail);
    COFFERDAM_CHECK(lab_.new_kms_decisions());
    return {};
  }

  Status release() {
    narrator_.chapter("3. Run the image: it validates itself, then the secret is released to it");
    const auto started = std::chrono::steady_clock::now();
    COFFERDAM_TRY(const Outcome outcome, lab_.launch(launch_of(image_)));
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    narrator_.evidence("took",
                       std::to_string(took.count()) + " ms, from launch to the workload's end");
    narrator_.claim(outcome.exit_code == 0, "the enclave ran to its end");
    if (outcome.exit_code != 0) show_console(outcome);
    narrator_.claim(decided(outcome, "agent", "self_validation", "ok"),
                    "the agent validated itself");
    narrator_.claim(decided(outcome, "kms", "Decrypt", "ok"), "KMS released the secret to it");
    const std::string proof = expected_proof();
    narrator_.claim(outcome.console.contains(proof),
                    "the workload proves that it has the secret, without showing it");
    narrator_.evidence("HMAC", proof);
    narrator_.claim(!outcome.console.contains(to_hex(lab_.secret().reveal())) &&
                        !outcome.console.contains(to_base64(lab_.secret().reveal())),
                    "the secret itself is nowhere on the console");
    for (const auto& decision : outcome.decisions) quote(decision);
    return check_ledger(outcome.ledger);
  }

  // The parent stores the ledger, so it is also who would change it.
  Status check_ledger(const std::filesystem::path& ledger) {
    COFFERDAM_TRY(const bool honest, lab_.ledger_verifies(ledger, image_));
    narrator_.claim(honest, "an auditor verifies the agent's ledger, offline");
    COFFERDAM_TRY(std::string text, read_text_file(ledger, std::size_t{1} << 20));
    constexpr std::string_view kAllow = R"("decision":"allow")";
    const std::size_t at = text.rfind(kAllow);
    if (at == std::string::npos) return fail(Errc::internal, "the ledger has no release");
    text.replace(at, kAllow.size(), R"("decision":"deny")");
    const std::filesystem::path changed = lab_.folder() / "changed-ledger.jsonl";
    COFFERDAM_CHECK(write_file_atomic(changed, as_bytes(text)));
    COFFERDAM_TRY(const bool accepted, lab_.ledger_verifies(changed, image_));
    narrator_.claim(!accepted, "one word of it changed by the parent: it no longer verifies");
    return {};
  }

  Status changed_workload() {
    COFFERDAM_TRY(const Image changed, lab_.build_image({.file_name = "changed",
                                                         .signer = &signer_,
                                                         .key_arn = key_arn_,
                                                         .release = 2,
                                                         .minimum_release = 2,
                                                         .flip_a_byte_of_the_workload = true}));
    return refused("one byte of the workload changed, then signed and released by the real signer",
                   launch_of(changed), "kms", "policy_denied");
  }

  Status patched_image() {
    COFFERDAM_TRY(Bytes bytes, read_file(image_.path, std::size_t{256} * 1024 * 1024));
    bytes[bytes.size() / 2] ^= 1;
    Image patched = image_;
    patched.path = lab_.folder() / "patched.eif";
    COFFERDAM_CHECK(write_file_atomic(patched.path, bytes));
    COFFERDAM_TRY(const Outcome outcome, lab_.launch(launch_of(patched)));
    narrator_.claim(outcome.exit_code == 1 && outcome.console.contains("[bad_crc]"),
                    "one byte changed in the finished image file: it does not even start");
    return {};
  }

  Status other_signer() {
    COFFERDAM_TRY(const Signer stranger, lab_.make_signer("stranger"));
    COFFERDAM_TRY(const Image theirs, lab_.build_image({.file_name = "stranger",
                                                        .signer = &stranger,
                                                        .key_arn = key_arn_,
                                                        .release = 2,
                                                        .minimum_release = 2}));
    return refused("the same program, configured for and signed with another key",
                   launch_of(theirs), "kms", "policy_denied");
  }

  Status debug_mode() {
    Launch launch = launch_of(image_);
    launch.debug_mode = true;
    return refused("debug mode, where the parent reads the console and memory", launch, "agent",
                   attest::reason::kDebugMode);
  }

  Status old_release() {
    COFFERDAM_TRY(const Image old, lab_.build_image({.file_name = "v1",
                                                     .signer = &signer_,
                                                     .key_arn = key_arn_,
                                                     .release = 1,
                                                     .minimum_release = 1}));
    Launch launch = launch_of(image_);
    launch.manifest = old.manifest;
    COFFERDAM_CHECK(refused("the manifest of release 1 replayed to an enclave that demands 2",
                            launch, "agent", "release_too_old"));
    return refused("release 1 itself, honestly signed, run again", launch_of(old), "kms",
                   "policy_denied");
  }

  Status other_key() {
    Launch launch = launch_of(image_);
    COFFERDAM_TRY(launch.offer, lab_.altered_offer(offer_, "keyId",
                                                   "arn:aws:kms:us-east-1:111122223333:key/"
                                                   "00000000-0000-4000-8000-000000000000"));
    return refused("a parent that asks for another key", launch, "agent", "binding_mismatch");
  }

  Status other_context() {
    Launch launch = launch_of(image_);
    COFFERDAM_TRY(launch.offer, lab_.altered_offer(offer_, "encryptionContext",
                                                   json::object{{"app", "payments"}}));
    return refused("a parent that asks for another encryption context", launch, "agent",
                   "binding_mismatch");
  }

  // The demo owns the emulated hardware, so it can play an attacker who somehow got hold
  // of a good document and its recipient key.
  Status document_twice() {
    const SystemClock clock;
    COFFERDAM_TRY(const Bytes document, attested_document(clock));
    const json::object request{{"KeyId", key_arn_},
                               {"CiphertextBlob", lab_.ciphertext()},
                               {"EncryptionContext", context()},
                               {"Recipient",
                                {{"AttestationDocument", to_base64(document)},
                                 {"KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"}}}};
    const auto first = lab_.kms(Lab::As::parent, "Decrypt", request);
    const auto second = lab_.kms(Lab::As::parent, "Decrypt", request);
    COFFERDAM_TRY(const auto decisions, lab_.new_kms_decisions());
    const Outcome outcome{.exit_code = 0, .console = {}, .decisions = decisions, .ledger = {}};
    narrator_.claim(
        first.has_value() && !second && decided(outcome, "kms", "Decrypt", "document_reused"),
        "a good attestation document used a second time");
    quote_found(outcome, "document_reused");
    return {};
  }

  Status forged_answer() {
    Launch launch = launch_of(image_);
    COFFERDAM_TRY(launch.impostor, lab_.start_impostor());
    return refused("a parent that leads the enclave to a KMS of its own", launch, "agent",
                   "tls_untrusted");
  }

  Status call_from_outside() {
    const auto answer = lab_.kms(Lab::As::parent, "Decrypt",
                                 {{"KeyId", key_arn_},
                                  {"CiphertextBlob", lab_.ciphertext()},
                                  {"EncryptionContext", context()}});
    COFFERDAM_TRY(const auto decisions, lab_.new_kms_decisions());
    const Outcome outcome{.exit_code = 0, .console = {}, .decisions = decisions, .ledger = {}};
    narrator_.claim(!answer && decided(outcome, "kms", "Decrypt", "policy_denied"),
                    "a call from outside the enclave with the same credentials");
    quote_found(outcome, "policy_denied");
    return {};
  }

  // Launches and claims that `component` refuses for `reason` and nothing is released.
  Status refused(std::string_view what, const Launch& launch, std::string_view component,
                 std::string_view reason) {
    COFFERDAM_TRY(const Outcome outcome, lab_.launch(launch));
    const bool released = decided(outcome, "kms", "Decrypt", "ok");
    const json::object* const line = find(outcome, component, "", reason);
    narrator_.claim(outcome.exit_code != 0 && !released && line != nullptr, what);
    if (line != nullptr) {
      quote(*line);
    } else {
      show_console(outcome);
    }
    return {};
  }

  Result<Bytes> attested_document(const Clock& clock) const {
    COFFERDAM_TRY(const auto authority,
                  nsm::Authority::open(member(lab_.cloud(), "nsmData"), clock));
    attest::Pcrs measured;
    for (const int index : {0, 1, 2, 8}) {
      COFFERDAM_TRY(measured[static_cast<std::uint8_t>(index)], from_hex(image_.pcrs.at(index)));
    }
    COFFERDAM_TRY(nsm::Module module,
                  nsm::Module::boot(authority, clock, {.pcrs = measured, .role_arn = {}}));
    module.handle(nsm::ExtendPcrRequest{.index = agent::kConfigPcr, .data = image_.config_digest});
    module.handle(nsm::LockPcrRequest{.index = agent::kConfigPcr});
    COFFERDAM_TRY(const auto key, crypto::RsaPrivateKey::generate());
    const nsm::AttestationRequest request{
        .user_data = {}, .nonce = crypto::random_bytes(32), .public_key = key.spki()};
    const nsm::Response response = module.handle(request);
    const auto* const attestation = std::get_if<nsm::AttestationResponse>(&response);
    if (attestation == nullptr) return fail(Errc::internal, "the emulated NSM refused to attest");
    return attestation->document;
  }

  // The decision of `component` for this reason; any operation if none is named.
  static const json::object* find(const Outcome& outcome, std::string_view component,
                                  std::string_view operation, std::string_view reason) {
    const auto found = std::ranges::find_if(outcome.decisions, [&](const json::object& decision) {
      return member(decision, "component") == component && member(decision, "reason") == reason &&
             (operation.empty() || member(decision, "operation") == operation);
    });
    return found == outcome.decisions.end() ? nullptr : &*found;
  }

  static bool decided(const Outcome& outcome, std::string_view component,
                      std::string_view operation, std::string_view reason) {
    return find(outcome, component, operation, reason) != nullptr;
  }

  // The line of the log without its long registers and digests, and what it says to people.
  void quote(const json::object& decision) {
    json::object brief;
    for (const char* const name :
         {"time", "component", "requestId", "operation", "decision", "reason"}) {
      if (const auto* value = decision.if_contains(name)) brief[name] = *value;
    }
    narrator_.quote(json::serialize(brief));
    if (const std::string detail = member(decision, "detail"); !detail.empty())
      narrator_.quote(detail);
  }

  // What the enclave and its runner said, where the story did not go as it should.
  void show_console(const Outcome& outcome) {
    std::istringstream console(outcome.console);
    for (std::string line; std::getline(console, line);) narrator_.quote(line);
  }

  void quote_found(const Outcome& outcome, std::string_view reason) {
    if (const auto* line = find(outcome, "kms", "Decrypt", reason)) quote(*line);
  }

  Launch launch_of(const Image& image) const {
    return {.image = &image, .manifest = image.manifest, .offer = offer_, .impostor = {}};
  }

  static json::object context() { return {{"app", "demo"}, {"cofferdam:purpose", "database"}}; }

  std::string expected_proof() const {
    return to_hex(crypto::hmac_sha256(lab_.secret().reveal(), as_bytes(Lab::kChallenge)));
  }

  Lab lab_;
  Narrator narrator_;
  Signer signer_;
  Image image_;
  std::string key_arn_;
  std::filesystem::path offer_;
};

}  // namespace

void add_demo(CLI::App& app, Exit& exit) {
  auto* const command = app.add_subcommand(
      "demo", "Watch the whole story on this machine: one release, and every refusal");
  command->footer(
      "Needs nothing but this program; leaves nothing behind.\n\nExample:\n  cofferdam demo");
  command->callback([&exit] {
    auto lab = Lab::open();
    if (!lab) {
      print_error(lab.error());
      exit = exit_for(lab.error());
      return;
    }
    Story story(*std::move(lab));
    if (const Status told = story.tell(); !told) {
      print_error(told.error());
      exit = exit_for(told.error());
      return;
    }
    exit = story.finish();
  });
}

}  // namespace cofferdam::cli
