// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam audit` on ledgers of an enclave under a root of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "attest/release_manifest.h"
#include "base/encoding.h"
#include "base/test_folder.h"
#include "cli/test_run.h"
#include "crypto/certificate_builder.h"
#include "crypto/pem.h"
#include "ledger/test_support.h"

namespace cofferdam::cli {
namespace {

using attest::test::kNow;
using ledger::test::decision;
using test::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "audit");
  return test::run(add_audit, std::move(arguments));
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<json::object> objects(const std::string& text) {
  std::vector<json::object> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    out.push_back(parse_json(line, 1 << 20).value().as_object());
  }
  return out;
}

// A ledger of four lines: genesis, an allowance, a denial, closing.
class AuditCommandTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines_of_a_ledger() const {
    ledger::SignedLedger ledger = platform_.open();
    std::vector<std::string> out{ledger.genesis()};
    out.push_back(ledger.append(decision("req-1")).value());
    ledger::Decision denied = decision("req-2", /*allowed=*/false);
    denied.time += std::chrono::seconds(60);
    denied.secret = "api-key";
    denied.detail = "KMS: \"no\", it said";
    out.push_back(ledger.append(denied).value());
    out.push_back(ledger.close("exited", kNow + std::chrono::seconds(90)).value());
    return out;
  }

  std::string file(std::string_view name, const std::vector<std::string>& lines) const {
    return folder_.write(name, as_bytes(joined(lines)));
  }

  std::string root() const {
    const attest::TrustRoot root = platform_.root();
    return folder_.write("root.pem", as_bytes(crypto::pem_encode("CERTIFICATE", root.der())));
  }

  Outcome verify(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"verify", "--root", root()});
    return run(std::move(arguments));
  }

  static std::string first_problem(const Outcome& outcome) {
    const json::object said = outcome.json();
    for (const json::value& ledger : said.at("ledgers").as_array()) {
      const json::array& problems = ledger.at("problems").as_array();
      if (!problems.empty()) return std::string(problems[0].at("reason").as_string());
    }
    const json::array& stray = said.at("problems").as_array();
    return stray.empty() ? "none" : std::string(stray[0].at("reason").as_string());
  }

  TestFolder folder_;
  ledger::test::Platform platform_;
  std::vector<std::string> lines_ = lines_of_a_ledger();
  std::string file_ = file("ledger.jsonl", lines_);
};

TEST_F(AuditCommandTest, AnHonestLedgerExitsZeroAndSaysWhatIsShown) {
  const Outcome outcome = verify({file_});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("  valid\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("a key made in enclave i-0123456789abcdef0-enc019c13eb17601234"));
  EXPECT_THAT(outcome.out, HasSubstr("4, none missing, from 2026-01-31T12:00:00Z to "
                                     "2026-01-31T12:01:30Z"));
  EXPECT_THAT(outcome.out, HasSubstr("closed in good order"));
  EXPECT_THAT(outcome.out, HasSubstr("not compared: any enclave could have written this"));
  EXPECT_THAT(outcome.out, HasSubstr("VALID: 1 ledger\n"));
  EXPECT_EQ(outcome.out.find('\033'), std::string::npos);
}

TEST_F(AuditCommandTest, TheVerdictIsAlsoOneJsonObject) {
  const Outcome outcome = verify({file_, "--json"});
  const json::object said = outcome.json();
  EXPECT_EQ(said.at("valid"), json::value(true));
  const json::object& ledger = said.at("ledgers").at(0).as_object();
  EXPECT_EQ(ledger.at("entries"), json::value(4));
  EXPECT_EQ(ledger.at("closed"), json::value(true));
  EXPECT_EQ(ledger.at("keptEntries"), json::value(nullptr));
  EXPECT_EQ(ledger.at("head").at("size"), json::value(4));
}

TEST_F(AuditCommandTest, OnlyThePinnedRootIsTrusted) {
  const Outcome outcome = run({"verify", file_, "--json"});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_EQ(first_problem(outcome), "untrusted_root");
}

TEST_F(AuditCommandTest, ARefusalSaysWhyAndWhere) {
  std::vector<std::string> cut = lines_;
  cut.erase(cut.begin() + 1);
  const Outcome outcome = verify({file("before.jsonl", {}), file("cut.jsonl", cut)});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_THAT(outcome.out, HasSubstr("gap: entry 1 is missing ("));
  EXPECT_THAT(outcome.out, HasSubstr("cut.jsonl:2)"));
  EXPECT_THAT(outcome.out, HasSubstr("not judged 1 after that"));
  EXPECT_THAT(outcome.out, HasSubstr("REFUSED: 1 ledger\n"));
}

TEST_F(AuditCommandTest, APlainDecisionLogDoesNotVerify) {
  const std::string plain = file("plain.jsonl", {ledger::to_json_line(decision("req-1"))});
  EXPECT_EQ(first_problem(verify({plain, "--json"})), "malformed_line");
}

TEST_F(AuditCommandTest, KeptHeadsRefuseAShorterLedgerLater) {
  const std::string heads = folder_ / "heads.jsonl";
  const std::string three = file("three.jsonl", {lines_[0], lines_[1], lines_[2]});
  ASSERT_EQ(verify({three, "--heads", heads}).exit, Exit::ok);
  const std::string kept = read_text_file(heads, 4096).value();
  ASSERT_EQ(verify({file_, "--heads", heads}).exit, Exit::ok);
  EXPECT_NE(read_text_file(heads, 4096).value(), kept);
  const Outcome cut = verify({three, "--heads", heads, "--json"});
  EXPECT_EQ(cut.exit, Exit::negative);
  EXPECT_EQ(first_problem(cut), "truncated");
  EXPECT_EQ(verify({file_, "--heads", heads}).exit, Exit::ok) << "a refusal does not touch it";
}

TEST_F(AuditCommandTest, KeptHeadsRefuseAMissingLedgerLater) {
  const std::string heads = folder_ / "heads.jsonl";
  const std::string second = file("second.jsonl", lines_of_a_ledger());
  ASSERT_EQ(verify({file_, second, "--heads", heads}).exit, Exit::ok);
  EXPECT_EQ(first_problem(verify({second, "--heads", heads, "--json"})), "ledger_missing");
}

TEST_F(AuditCommandTest, AnExpectedLedgerMustBeThere) {
  const std::string id = to_hex(ledger::test::head_of(lines_[0]).head.ledger);
  EXPECT_EQ(verify({file_, "--expect-ledger", id}).exit, Exit::ok);
  const Outcome missing = verify({file_, "--expect-ledger", std::string(64, '0'), "--json"});
  EXPECT_EQ(first_problem(missing), "ledger_missing");
}

TEST_F(AuditCommandTest, TheImageIsComparedWhereItIsDemanded) {
  const std::string pcr0 = to_hex(platform_.pcrs().at(0));
  const Outcome same = verify({file_, "--pcr", "0=" + pcr0});
  EXPECT_EQ(same.exit, Exit::ok);
  EXPECT_THAT(same.out, HasSubstr("as demanded: PCR0"));
  const Outcome other = verify({file_, "--pcr", "0=" + std::string(96, '7'), "--json"});
  EXPECT_EQ(other.exit, Exit::negative);
  EXPECT_EQ(first_problem(other), "pcr_mismatch");
}

// A release of the platform's enclave, whose owner signed its image.
TEST_F(AuditCommandTest, ARelaseManifestIsADemandOnEveryLedger) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  crypto::CertificateSpec spec;
  spec.serial = {1};
  spec.issuer = spec.subject = {{"CN", "owner"}};
  spec.not_before = kNow - std::chrono::hours(24);
  spec.not_after = kNow + std::chrono::hours(24);
  const Bytes certificate = crypto::build_certificate(spec, key.public_key(), key).value();
  platform_.set_pcr(8, to_bytes(attest::pcr8_of_certificate(certificate)));
  platform_.set_pcr(16, Bytes(48, 9));

  attest::ReleaseManifest manifest;
  manifest.name = "payments";
  manifest.release = 7;
  manifest.not_after = kNow + std::chrono::hours(1);
  for (const std::uint8_t index : std::array<std::uint8_t, 5>{0, 1, 2, 8, 16}) {
    manifest.pcrs[index] = platform_.pcrs().at(index);
  }
  const auto write = [&](std::string_view name) {
    return folder_.write(name, attest::sign_release_manifest(manifest, certificate, key).value());
  };
  const std::string of_release = file("release.jsonl", lines_of_a_ledger());
  const Outcome same = verify({of_release, "--release", write("7.release")});
  EXPECT_EQ(same.exit, Exit::ok) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("as demanded: payments, release 7"));

  manifest.pcrs[0] = Bytes(48, 0x77);
  const Outcome other = verify({of_release, "--release", write("8.release"), "--json"});
  EXPECT_EQ(other.exit, Exit::negative);
  EXPECT_EQ(first_problem(other), "pcr_mismatch");
}

TEST_F(AuditCommandTest, AHalfLineAtTheEndIsNotedAndDoesNotCount) {
  const std::string text = joined({lines_[0], lines_[1]}) + lines_[2].substr(0, 200);
  const Outcome outcome = verify({folder_.write("half.jsonl", as_bytes(text))});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("  entries    2, none missing"));
  EXPECT_THAT(outcome.out, HasSubstr("note: 1 half line"));
  EXPECT_THAT(outcome.out, HasSubstr("not closed"));
  const Outcome strange = verify({folder_.write("bad.jsonl", as_bytes(text + "\xff")), "--json"});
  EXPECT_EQ(first_problem(strange), "malformed_line");
}

TEST_F(AuditCommandTest, ShowPrintsATimeline) {
  const Outcome outcome = run({"show", file_});
  EXPECT_EQ(outcome.exit, Exit::ok);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("2026-01-31T12:00:00Z      ------  a ledger begins"));
  EXPECT_THAT(outcome.out,
              HasSubstr("2026-01-31T12:00:01Z      allow   agent  Decrypt of database-password"));
  EXPECT_THAT(outcome.out, HasSubstr("2026-01-31T12:01:01Z      DENY    agent  Decrypt of api-key  "
                                     "kms_access_denied: KMS: \"no\", it said  request req-2"));
  EXPECT_THAT(outcome.out, HasSubstr("the ledger is closed: exited"));
  EXPECT_EQ(outcome.out.find('\033'), std::string::npos) << "no colour in a file";
}

TEST_F(AuditCommandTest, EveryFilterChooses) {
  const auto chosen = [&](std::vector<std::string> filter) {
    filter.insert(filter.begin(), {"show", file_, "--json"});
    const Outcome outcome = run(std::move(filter));
    EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
    std::string out;
    for (const json::object& row : objects(outcome.out)) {
      out += std::to_string(row.at("sequence").as_int64());
    }
    return out;
  };
  EXPECT_EQ(chosen({}), "0123");
  EXPECT_EQ(chosen({"--decision", "deny"}), "2");
  EXPECT_EQ(chosen({"--decision", "allow"}), "1");
  EXPECT_EQ(chosen({"--reason", "kms_access_denied"}), "2");
  EXPECT_EQ(chosen({"--component", "agent"}), "12");
  EXPECT_EQ(chosen({"--component", "kms"}), "");
  EXPECT_EQ(chosen({"--kind", "release"}), "12");
  EXPECT_EQ(chosen({"--key", "1234abcd"}), "12");
  EXPECT_EQ(chosen({"--secret", "api-key"}), "2");
  EXPECT_EQ(chosen({"--request-id", "req-1"}), "1");
  EXPECT_EQ(chosen({"--module-id", "i-0123456789abcdef0-enc019c13eb17601234"}), "012");
  EXPECT_EQ(chosen({"--ledger", to_hex(ledger::test::head_of(lines_[0]).head.ledger).substr(0, 8)}),
            "0123");
  EXPECT_EQ(chosen({"--ledger", "zz"}), "");
  EXPECT_EQ(chosen({"--since", "2026-01-31T12:01:00Z"}), "23");
  EXPECT_EQ(chosen({"--until", "2026-01-31T12:00:01Z"}), "0");
  EXPECT_EQ(chosen({"--until", "1h"}), chosen({"--since", "2000-01-01T00:00:00Z"}));
}

TEST_F(AuditCommandTest, ShowReadsAPlainDecisionLogAndSkipsTheRest) {
  ledger::Decision plain = decision("req-9", /*allowed=*/false);
  plain.component = "kms";
  const std::string mixed =
      file("plain.jsonl", {ledger::to_json_line(plain), "no JSON", "{\"other\":1}"});
  const Outcome outcome = run({"show", mixed});
  EXPECT_EQ(outcome.exit, Exit::ok);
  EXPECT_THAT(outcome.out, HasSubstr("DENY    kms    Decrypt of database-password"));
  EXPECT_THAT(outcome.err, HasSubstr("2 lines are neither an entry of a ledger nor a decision"));
}

TEST_F(AuditCommandTest, WhatAPeerWroteCannotDriveTheTerminal) {
  ledger::Decision hostile = decision("req-1", /*allowed=*/false);
  hostile.detail = "\033[2J\nallow";
  const Outcome outcome = run({"show", file("plain.jsonl", {ledger::to_json_line(hostile)})});
  EXPECT_THAT(outcome.out, HasSubstr("\\x1b[2J\\x0aallow"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\033")));
}

TEST_F(AuditCommandTest, ExportsJsonLinesWithEveryMember) {
  const auto rows = objects(run({"export", file_}).out);
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_EQ(rows[0].at("kind"), json::value("genesis"));
  EXPECT_TRUE(rows[0].at("pcrs").as_object().contains("0"));
  EXPECT_FALSE(rows[0].contains("decision"));
  EXPECT_EQ(rows[2].at("decision"), json::value("deny"));
  EXPECT_EQ(rows[2].at("secret"), json::value("api-key"));
  EXPECT_EQ(rows[2].at("time"), json::value("2026-01-31T12:01:01Z"));
}

TEST_F(AuditCommandTest, ExportsCsvThatASpreadsheetDoesNotRun) {
  ledger::Decision formula = decision("=1+1", /*allowed=*/false);
  formula.detail = "a, \"b\"";
  const Outcome outcome =
      run({"export", file("plain.jsonl", {ledger::to_json_line(formula)}), "--format", "csv"});
  EXPECT_THAT(outcome.out, HasSubstr("time,ledger,sequence,kind,component,decision,reason,"));
  EXPECT_THAT(outcome.out, HasSubstr(",'=1+1,"));
  EXPECT_THAT(outcome.out, HasSubstr(",\"a, \"\"b\"\"\"\r\n"));
}

TEST_F(AuditCommandTest, StatsCountWhatSomeoneOnCallAsksFor) {
  ledger::SignedLedger open = platform_.open();
  ledger::Decision attestation = decision("req-3", /*allowed=*/false);
  attestation.reason = "pcr_mismatch";
  std::vector<std::string> lines = lines_;
  lines.push_back(open.genesis());
  ASSERT_TRUE(open.append(decision("lost")).has_value());
  lines.push_back(open.append(attestation).value());
  const std::string both = file("both.jsonl", lines);
  const json::object counted = run({"stats", both, "--json"}).json();
  EXPECT_EQ(counted.at("allowed"), json::value(1));
  EXPECT_EQ(counted.at("denied"), json::value(2));
  EXPECT_EQ(counted.at("denialsByReason"),
            json::value({{"kms_access_denied", 1}, {"pcr_mismatch", 1}}));
  EXPECT_EQ(counted.at("denialsBySecret"), json::value({{"api-key", 1}, {"database-password", 1}}));
  EXPECT_EQ(counted.at("attestationFailures"), json::value(1));
  EXPECT_EQ(counted.at("ledgers"), json::value(2));
  EXPECT_EQ(counted.at("ledgersNotClosed"), json::value(1));
  EXPECT_EQ(counted.at("missingEntries"), json::value(1));
  const json::object one = run({"stats", both, "--json", "--secret", "api-key"}).json();
  EXPECT_EQ(one.at("denied"), json::value(1));
  EXPECT_EQ(one.at("missingEntries"), json::value(1)) << "gaps are counted in all of the file";
  EXPECT_THAT(run({"stats", both}).out, HasSubstr("missing entries       1\n"));
}

TEST_F(AuditCommandTest, WhatDoesNotReadIsUsageAndWhatIsNotThereTheEnvironment) {
  const std::vector<std::vector<std::string>> wrong{{"verify"},
                                                    {"verify", file_, "--pcr", "0"},
                                                    {"verify", file_, "--expect-ledger", "00"},
                                                    {"show", file_, "--since", "soon"},
                                                    {"show", file_, "--decision", "maybe"},
                                                    {"export", file_, "--format", "xml"},
                                                    {"stats", file_, "--until", "later"},
                                                    {"stats"}};
  for (const auto& arguments : wrong) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit, Exit::usage) << arguments[0] << " " << outcome.err;
    EXPECT_EQ(outcome.out, "") << arguments[0];
  }
  const std::string bad_heads = folder_.write("bad-heads", as_bytes(std::string_view("{}\n")));
  const std::vector<std::vector<std::string>> missing{
      {"verify", "/nonexistent/ledger"},
      {"verify", file_, "--root", "/nonexistent/root.pem"},
      {"verify", file_, "--release", "/nonexistent/manifest"},
      {"verify", file_, "--heads", bad_heads},
      {"show", "/nonexistent/ledger"},
      {"export", "/nonexistent/ledger"},
      {"stats", "/nonexistent/ledger"}};
  for (const auto& arguments : missing) {
    EXPECT_EQ(run(arguments).exit, Exit::environment) << arguments[0];
  }
}

}  // namespace
}  // namespace cofferdam::cli
