// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam attest` on foreign documents.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "attest/test_support.h"
#include "base/encoding.h"
#include "base/json.h"
#include "cli/test_run.h"

namespace cofferdam::cli {
namespace {

using attest::test::read;
using attest::test::vectors_folder;

using test::Outcome;

Outcome run(std::vector<std::string> arguments) {
  return test::run(add_attest, std::move(arguments));
}

class AttestCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(vectors_folder() / "attestation")) GTEST_SKIP();
  }

  std::string ok_ = vectors_folder() / "attestation-testpki/ok-plain.bin";
  std::string root_ = vectors_folder() / "attestation-testpki/root.pem";
  std::string at_ = "2026-01-01T00:00:00Z";

  Outcome verify(const std::vector<std::string>& more, const std::string& file = {}) const {
    std::vector<std::string> arguments{"attest", "verify", file.empty() ? ok_ : file};
    std::ranges::copy(std::vector<std::string>{"--root", root_, "--at", at_},
                      std::back_inserter(arguments));
    std::ranges::copy(more, std::back_inserter(arguments));
    return run(std::move(arguments));
  }
};

TEST_F(AttestCommandTest, AValidDocumentExitsZeroWithItsFields) {
  const Outcome outcome = verify({});
  EXPECT_EQ(outcome.exit, Exit::ok);
  EXPECT_EQ(outcome.json().at("valid"), json::value(true));
  EXPECT_EQ(outcome.text("moduleId"), "i-0123456789abcdef0-enc0123456789abcdef");
  EXPECT_EQ(outcome.text("timestamp"), at_);
  EXPECT_EQ(outcome.json().at("pcrs").as_object().size(), 16u);
  EXPECT_EQ(outcome.err, "");
}

TEST_F(AttestCommandTest, ARefusedDocumentExitsOneWithItsReasonOnStandardOutput) {
  const Outcome outcome = verify({"--nonce", "00"});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_EQ(outcome.json().at("valid"), json::value(false));
  EXPECT_EQ(outcome.text("reason"), "nonce_mismatch");
}

TEST_F(AttestCommandTest, EveryExpectationReachesTheVerifier) {
  const std::string pcr(96, '1');
  EXPECT_EQ(verify({"--pcr", "0=" + pcr}).text("reason"), "pcr_mismatch");
  EXPECT_EQ(verify({"--pcr", "16=" + pcr}).text("reason"), "pcr_missing");
  EXPECT_EQ(verify({"--user-data", "00"}).text("reason"), "user_data_mismatch");
  EXPECT_EQ(verify({"--user-data", "74657374"}).exit, Exit::ok);
  EXPECT_EQ(verify({"--kind", "nitrotpm"}).text("reason"), "wrong_kind");
  EXPECT_EQ(verify({"--strict"}).text("reason"), "inconsistent");
  const Outcome old = run({"attest", "verify", ok_, "--root", root_, "--at", "2026-01-01T00:10:00Z",
                           "--max-age", "9m"});
  EXPECT_EQ(old.text("reason"), "too_old");
}

TEST_F(AttestCommandTest, RepeatedPcrsAreAllRequired) {
  const json::object pcrs = verify({}).json().at("pcrs").as_object();
  const std::string pcr0(pcrs.at("PCR0").as_string());
  const std::string pcr1(pcrs.at("PCR1").as_string());
  EXPECT_EQ(verify({"--pcr", "0=" + pcr0, "--pcr", "1=" + pcr1}).exit, Exit::ok);
  EXPECT_EQ(verify({"--pcr", "0=" + pcr0, "--pcr", "1=" + pcr0}).text("reason"), "pcr_mismatch");
}

TEST_F(AttestCommandTest, APcrTakesOneWordSoTheFileMayFollow) {
  const std::string pcr(96, '1');
  const Outcome outcome =
      run({"attest", "verify", "--root", root_, "--at", at_, "--pcr", "0=" + pcr, ok_});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_EQ(outcome.text("reason"), "pcr_mismatch");
}

TEST_F(AttestCommandTest, DebugNeedsItsFlag) {
  const std::string file = vectors_folder() / "attestation-testpki/ok-debug-zero-pcrs.bin";
  EXPECT_EQ(verify({}, file).text("reason"), "debug_mode");
  EXPECT_EQ(verify({"--allow-debug"}, file).exit, Exit::ok);
}

TEST_F(AttestCommandTest, WithoutARootOnlyAwsIsTrusted) {
  EXPECT_EQ(run({"attest", "verify", ok_, "--at", at_}).text("reason"), "untrusted_root");
}

TEST_F(AttestCommandTest, WithoutATimeTheClockDecides) {
  EXPECT_EQ(run({"attest", "verify", ok_, "--root", root_}).text("reason"), "expired");
}

TEST_F(AttestCommandTest, AnOptionThatDoesNotReadIsUsage) {
  for (const auto& bad : std::vector<std::vector<std::string>>{{"--pcr", "0"},
                                                               {"--pcr", "32=00"},
                                                               {"--pcr", "0=0011"},
                                                               {"--nonce", "xyz"},
                                                               {"--max-age", "soon"},
                                                               {"--kind", "sgx"},
                                                               {"--no-such-option"}}) {
    const Outcome outcome = verify(bad);
    EXPECT_EQ(outcome.exit, Exit::usage) << bad[0];
    EXPECT_EQ(outcome.out, "") << bad[0];
  }
  EXPECT_EQ(run({"attest", "verify", ok_, "--at", "yesterday"}).exit, Exit::usage);
  EXPECT_EQ(run({"attest", "verify"}).exit, Exit::usage);
}

TEST_F(AttestCommandTest, AMissingFileIsTheEnvironment) {
  EXPECT_EQ(verify({}, "/nonexistent/document").exit, Exit::environment);
  EXPECT_EQ(run({"attest", "show", "/nonexistent/document"}).exit, Exit::environment);
  const Outcome no_root = run({"attest", "verify", ok_, "--root", "/nonexistent/root.pem"});
  EXPECT_EQ(no_root.exit, Exit::environment);
  EXPECT_NE(no_root.err.find("/nonexistent/root.pem"), std::string::npos) << no_root.err;
}

TEST_F(AttestCommandTest, Base64AndHexadecimalTextAreRecognised) {
  const Bytes raw = read(ok_);
  const auto folder = std::filesystem::temp_directory_path() / "cofferdam-attest-command-test";
  std::filesystem::create_directories(folder);
  for (const std::string& text :
       {to_hex(raw), to_hex(raw) + "\n", to_base64(raw), to_base64(raw) + "\r\n"}) {
    const auto path = folder / "document";
    ASSERT_TRUE(write_file_atomic(path, as_bytes(text)));
    EXPECT_EQ(verify({}, path).exit, Exit::ok);
  }
  std::filesystem::remove_all(folder);
}

TEST_F(AttestCommandTest, ShowPrintsEveryFieldWithoutJudging) {
  const Outcome outcome =
      run({"attest", "show", vectors_folder() / "attestation-negative/veracruz-bad-sig.bin"});
  EXPECT_EQ(outcome.exit, Exit::ok);
  const json::object shown = outcome.json();
  EXPECT_EQ(outcome.text("kind"), "enclave");
  EXPECT_EQ(outcome.text("protectedHeader"), "a1013822");
  EXPECT_EQ(shown.at("cabundle").as_array().size(), 4u);
  EXPECT_EQ(shown.at("cabundle").at(0).at("commonName"), json::value("aws.nitro-enclaves"));
  EXPECT_FALSE(shown.contains("valid"));
}

TEST_F(AttestCommandTest, ShowRefusesWhatIsNoDocument) {
  const Outcome outcome =
      run({"attest", "show", vectors_folder() / "attestation-testpki/bad-huge-length.bin"});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_EQ(outcome.text("reason"), "malformed");
}

}  // namespace
}  // namespace cofferdam::cli
