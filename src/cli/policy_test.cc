// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam policy`, and the tests of the policies that we ship.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "cli/test_run.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::HasSubstr;

Outcome run_policy(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "policy");
  return test::run(add_policy, std::move(arguments));
}

class PolicyCommandTest : public testing::Test {
 protected:
  std::string write(std::string_view name, std::string_view text) const {
    folder_.write(name, as_bytes(text));
    return folder_.path(name);
  }

  TestFolder folder_;
  std::string config_ = write("config.json", R"({"secrets": {"db": [{"uid": 1000}]}})");
  std::string request_ = write("request.json", R"({"kind": "secret", "secret": "db"})");
};

TEST_F(PolicyCommandTest, DecidesTheInputThatItMade) {
  for (const auto& [uid, exit] : {std::pair{"1000", Exit::ok}, {"1001", Exit::negative}}) {
    const Outcome made = run_policy(
        {"fmt-input", "--request", request_, "--uid", uid, "--at", "2026-01-31T09:05:00Z"});
    ASSERT_EQ(made.exit, Exit::ok) << made.err;
    EXPECT_EQ(made.text("time"), "2026-01-31T09:05:00Z");
    const Outcome decided =
        run_policy({"eval", "--policy", "deploy/policies/release.rego", "--config", config_,
                    "--input", write("input.json", made.out), "--json"});
    EXPECT_EQ(decided.exit, exit) << decided.out << decided.err;
    EXPECT_EQ(decided.json().at("allow").as_bool(), exit == Exit::ok);
    EXPECT_EQ(decided.text("policyDigest").size(), 96U);
  }
}

TEST_F(PolicyCommandTest, SaysWhyInWords) {
  const std::string input = write("input.json", R"({"request": {"secret": "other"}})");
  const Outcome decided = run_policy(
      {"eval", "--policy", "deploy/policies/release.rego", "--config", config_, "--input", input});
  EXPECT_EQ(decided.exit, Exit::negative);
  EXPECT_EQ(decided.out, "denied (policy_denied)\n  the configuration has no such secret\n");
}

TEST_F(PolicyCommandTest, AnswersAQueryAsOpaDoes) {
  const std::string policy = write("a.rego", "package a\n\np := data.x + input.y\n");
  const std::string data = write("data.json", R"({"x": 1})");
  const std::string input = write("input.json", R"({"y": 2})");
  const Outcome defined = run_policy({"eval", "--policy", policy, "--data", data, "--input", input,
                                      "--query", "x = data.a.p", "--result"});
  EXPECT_EQ(defined.exit, Exit::ok) << defined.err;
  const json::value first = defined.json().at("result").as_array().at(0);
  EXPECT_EQ(first.at("bindings").at("x"), 3);
  const Outcome undefined =
      run_policy({"eval", "--policy", policy, "--query", "data.a.p", "--result"});
  EXPECT_EQ(undefined.exit, Exit::negative);
}

TEST_F(PolicyCommandTest, SaysWhereAPolicyIsWrong) {
  const std::string policy = write("bad.rego", "package a\n\nallow if {\n");
  const Outcome refused = run_policy({"eval", "--policy", policy});
  EXPECT_EQ(refused.exit, Exit::negative);
  EXPECT_THAT(refused.err, HasSubstr("bad.rego:"));
  EXPECT_THAT(refused.err, HasSubstr("[policy_syntax]"));
}

TEST_F(PolicyCommandTest, AFileThatIsMissingIsTheEnvironment) {
  EXPECT_EQ(run_policy({"eval", "--policy", folder_.path("none.rego")}).exit, Exit::environment);
  EXPECT_EQ(run_policy({"test", folder_.path("")}).exit, Exit::environment);
}

TEST_F(PolicyCommandTest, ThePoliciesThatWeShipPassTheirTests) {
  const Outcome run = run_policy({"test", "deploy/policies", "--json"});
  EXPECT_EQ(run.exit, Exit::ok) << run.out << run.err;
  EXPECT_GE(run.json().at("passed").as_int64(), 24);
}

TEST_F(PolicyCommandTest, ATestThatIsNotTrueFails) {
  const std::string policy = write(
      "t.rego", "package t\n\ntest_good if 1 == 1\n\ntest_bad if 1 == 2\n\ntest_word := \"x\"\n");
  const Outcome run = run_policy({"test", policy});
  EXPECT_EQ(run.exit, Exit::negative);
  EXPECT_EQ(run.out,
            "pass  data.t.test_good\nFAIL  data.t.test_bad: it is undefined\n"
            "FAIL  data.t.test_word: it is not true\n1 passed, 2 failed\n");
}

TEST_F(PolicyCommandTest, APolicyWithoutTestsDoesNotPass) {
  EXPECT_EQ(run_policy({"test", write("a.rego", "package a\n")}).exit, Exit::negative);
}

TEST_F(PolicyCommandTest, OnlyAVerifiedDocumentBecomesInput) {
  const std::string document = write("doc.bin", "not a document");
  const Outcome refused = run_policy({"fmt-input", "--request", request_, "--document", document});
  EXPECT_EQ(refused.exit, Exit::negative);
  EXPECT_EQ(refused.out, "");
}

TEST_F(PolicyCommandTest, TakesTheHashOfTheProgram) {
  const std::string program = write("app", "abc");
  const Outcome made =
      run_policy({"fmt-input", "--request", request_, "--uid", "0", "--executable", program});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  const json::object made_input = made.json();
  const std::string_view hash = made_input.at("peer").at("sha384").as_string();
  EXPECT_EQ(hash.substr(0, 16), "cb00753f45a35e8b");
}

TEST_F(PolicyCommandTest, OptionsThatDoNotFitAreUsage) {
  EXPECT_EQ(run_policy({"fmt-input"}).exit, Exit::usage);
  EXPECT_EQ(run_policy({"fmt-input", "--request", request_, "--pid", "3"}).exit, Exit::usage);
  EXPECT_EQ(run_policy({"eval"}).exit, Exit::usage);
  EXPECT_EQ(run_policy({}).exit, Exit::usage);
}

}  // namespace
}  // namespace cofferdam::cli
