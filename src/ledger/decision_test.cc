// SPDX-License-Identifier: Apache-2.0
#include "ledger/decision.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/test_folder.h"

namespace cofferdam::ledger {
namespace {

class DecisionLogTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "decisions.jsonl"; }

  std::vector<std::string> lines() const {
    std::ifstream in(path());
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }

  void append(std::string_view text) const { std::ofstream(path(), std::ios::app) << text; }

  TestFolder folder_;
};

Decision sample() {
  Decision decision;
  decision.time = parse_rfc3339("2026-01-31T09:05:00.123Z").value();
  decision.component = "kms";
  decision.request_id = "req-1";
  decision.allowed = false;
  decision.reason = "pcr_mismatch";
  decision.operation = "Decrypt";
  decision.pcrs = {{0, "aa"}, {16, "bb"}};
  return decision;
}

TEST(DecisionTest, IsOneLineWithItsFieldsInOrder) {
  EXPECT_EQ(to_json_line(sample()),
            R"({"time":"2026-01-31T09:05:00.123Z","component":"kms","requestId":"req-1",)"
            R"("decision":"deny","reason":"pcr_mismatch","operation":"Decrypt",)"
            R"("pcrs":{"0":"aa","16":"bb"}})");
}

TEST(DecisionTest, ADeciderWithoutTimeSaysSo) {
  Decision decision = sample();
  decision.time = {};
  EXPECT_TRUE(to_json_line(decision).starts_with(R"({"time":null,"component":)"));
}

TEST(DecisionTest, NoFieldCanForgeALineOrBreakTheJson) {
  Decision decision = sample();
  decision.detail = "one\n{\"decision\":\"allow\"}";
  decision.principal = "\xff\xfe\x01";
  const std::string line = to_json_line(decision);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = parse_json(line, 4096);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  EXPECT_EQ(parsed->at("decision").as_string(), "deny");
  EXPECT_EQ(parsed->at("principal").as_string(), "??\x01");
}

TEST(DecisionTest, ContextDigestDoesNotDependOnMoreThanTheContext) {
  EXPECT_EQ(context_digest({}), "");
  const std::string digest = context_digest({{"bb", "2"}, {"a", "1"}});
  EXPECT_EQ(digest.size(), 96u);
  EXPECT_NE(digest, context_digest({{"bb", "2"}}));
  EXPECT_NE(digest, context_digest({{"bb", "2"}, {"a", "2"}}));
  EXPECT_NE(context_digest({{"a", "bc"}}), context_digest({{"ab", "c"}}));
}

TEST(DecisionTest, ContextDigestIsSha384OfDeterministicCbor) {
  // printf '\xa2\x61a\x611\x62aa\x612' | sha384sum: the shorter key first.
  EXPECT_EQ(context_digest({{"aa", "2"}, {"a", "1"}}),
            "6ee1e0e7ef4b3137f1e685f66cd0fec3211c058be61119011b02c7368e358f73fcf6c55630f36827869137"
            "3bf555e900");
}

TEST(DecisionTest, ReadsBackAsWhatItWas) {
  Decision decision = sample();
  decision.secret = "database-password";
  decision.facts = {{"peer", "billing"}};
  decision.kind = "release";
  const Decision read = parse_decision(to_json(decision)).value();
  EXPECT_EQ(to_json_line(read), to_json_line(decision));
  EXPECT_EQ(read.pcrs, decision.pcrs);
  EXPECT_EQ(read.facts, decision.facts);
}

TEST(DecisionTest, ReadsMembersOfALaterVersionAndRefusesWrongTypes) {
  json::object object = to_json(sample());
  object["later"] = json::object();
  EXPECT_TRUE(parse_decision(object).has_value());
  for (const char* const name : {"decision", "time", "reason", "pcrs", "facts"}) {
    json::object bad = object;
    bad[name] = 7;
    EXPECT_FALSE(parse_decision(bad).has_value()) << name;
  }
  object["pcrs"] = {{"x", "aa"}};
  EXPECT_FALSE(parse_decision(object).has_value());
}

TEST(DecisionTest, ATextIsCutBetweenTwoCharacters) {
  Decision decision = sample();
  for (std::size_t before = 2040; before < 2050; ++before) {
    decision.detail = std::string(before, 'x');
    for (int i = 0; i < 5; ++i) decision.detail += "\u20ac";
    const std::string cut(to_json(decision).at("detail").as_string());
    EXPECT_LE(cut.size(), 2048u);
    EXPECT_GT(cut.size(), 2045u);
    EXPECT_TRUE(decision.detail.starts_with(cut)) << "no character was replaced";
  }
}

TEST_F(DecisionLogTest, AppendsOneLinePerDecision) {
  const auto log = open_decision_log(path());
  ASSERT_TRUE(log.has_value()) << log.error().detail;
  ASSERT_TRUE((*log)->record(sample()).has_value());
  ASSERT_TRUE((*log)->record(sample()).has_value());
  EXPECT_EQ(lines(), std::vector<std::string>(2, to_json_line(sample())));
}

TEST_F(DecisionLogTest, KeepsWhatWasThereBefore) {
  append("{\"earlier\":true}\n");
  ASSERT_TRUE(open_decision_log(path()).value()->record(sample()).has_value());
  EXPECT_EQ(lines().front(), "{\"earlier\":true}");
  EXPECT_EQ(lines().size(), 2u);
}

TEST_F(DecisionLogTest, StartsANewLineAfterHalfALine) {
  append("{\"time\":\"20");
  ASSERT_TRUE(open_decision_log(path()).value()->record(sample()).has_value());
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_EQ(lines().back(), to_json_line(sample()));
}

TEST_F(DecisionLogTest, IsPrivateToItsUser) {
  const auto log = open_decision_log(path());
  ASSERT_TRUE(log.has_value());
  struct stat info{};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(DecisionLogTest, RefusesAFolderASymlinkAndAMissingParent) {
  EXPECT_FALSE(open_decision_log(folder_).has_value());
  EXPECT_FALSE(open_decision_log(folder_ / "missing" / "log").has_value());
  std::filesystem::create_symlink(folder_ / "elsewhere", path());
  EXPECT_FALSE(open_decision_log(path()).has_value());
}

TEST_F(DecisionLogTest, FailsWhenTheFileCannotGrow) {
  auto log = open_decision_log(path());
  ASSERT_TRUE(log.has_value());
  ASSERT_TRUE((*log)->record(sample()).has_value());

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = to_json_line(sample()).size() + 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status torn = (*log)->record(sample());
  const Status full = (*log)->record(sample());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  ASSERT_FALSE(torn.has_value());
  EXPECT_EQ(torn.error().code, Errc::unavailable);
  EXPECT_FALSE(full.has_value());
  ASSERT_TRUE((*log)->record(sample()).has_value());
  EXPECT_EQ(lines().back(), to_json_line(sample()));
}

TEST(DiscardDecisionsTest, RecordsNothingAndNeverFails) {
  EXPECT_TRUE(discard_decisions()->record(sample()).has_value());
}

}  // namespace
}  // namespace cofferdam::ledger
