// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam policy lint` and `prove`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "base/test_folder.h"
#include "cli/test_run.h"
#include "cloud/explain_request.h"
#include "policy/kms.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::HasSubstr;

constexpr const char* kAccount = "111122223333";
constexpr const char* kAdmin = "arn:aws:iam::111122223333:user/admin";
constexpr const char* kUser = "arn:aws:iam::111122223333:role/parent";
constexpr const char* kKey =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const std::string kPcr8(96, 'a');

Outcome run_policy(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "policy");
  return test::run(add_policy, std::move(arguments));
}

class PolicyProveTest : public testing::Test {
 protected:
  std::string write(std::string_view name, std::string_view text) const {
    folder_.write(name, as_bytes(text));
    return folder_.path(name);
  }

  // Of the key with this policy.
  Outcome prove(const std::string& file, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"prove", "--key-policy", std::string(kKey) + "=" + file,
                                       "--pcr", "8=" + kPcr8};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_policy(std::move(arguments));
  }

  std::string generated() const {
    return write("key.json",
                 run_policy({"key", "--pcr8", kPcr8, "--admin", kAdmin, "--user", kUser}).out);
  }
  std::string delegating() const {
    return write("default.json", policy::default_key_policy(kAccount));
  }

  TestFolder folder_;
};

TEST_F(PolicyProveTest, WhatItGeneratesItProvesAndFindsNothingIn) {
  const std::string file = generated();
  const Outcome proof = prove(file, {"--administrator", kAdmin, "--json"});
  EXPECT_EQ(proof.exit, Exit::ok) << proof.out << proof.err;
  EXPECT_EQ(proof.text("verdict"), "proved");
  EXPECT_FALSE(proof.json().at("assumptions").as_array().empty());
  const Outcome findings = run_policy({"lint", file});
  EXPECT_EQ(findings.exit, Exit::ok) << findings.out;
  EXPECT_THAT(findings.out, HasSubstr("no findings"));
}

TEST_F(PolicyProveTest, ACounterexampleIsARequestThatTheLocalCloudReads) {
  const std::string request = folder_.path("request.json");
  const Outcome proof = prove(delegating(), {"--request", request});
  EXPECT_EQ(proof.exit, Exit::negative) << proof.err;
  EXPECT_THAT(proof.out, HasSubstr("counterexample: "));
  const auto text = read_text_file(request, 4096);
  ASSERT_TRUE(text) << text.error().detail;
  const auto asked = cloud::read_asked_request(parse_json(*text, 4096)->as_object());
  ASSERT_TRUE(asked) << asked.error().detail;
  EXPECT_EQ(asked->request.resource, kKey);
}

TEST_F(PolicyProveTest, AnAdministratorWhoIsNotTrustedIsACounterexample) {
  const Outcome proof = prove(generated(), {"--json"});
  EXPECT_EQ(proof.exit, Exit::negative);
  EXPECT_THAT(proof.text("detail"), HasSubstr("kms:PutKeyPolicy"));
}

TEST_F(PolicyProveTest, AVariableIsUndecided) {
  const std::string file = write("variable.json", R"({"Version": "2012-10-17", "Statement": [{
      "Effect": "Allow", "Principal": {"AWS": ")" + std::string(kUser) +
                                                      R"("},
      "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {
        "kms:RecipientAttestation:PCR0": ")" + std::string(96, 'b') +
                                                      R"(",
        "kms:RecipientAttestation:PCR8": ")" + kPcr8 + R"(",
        "kms:EncryptionContext:u": "${aws:userid}"}}}]})");
  const Outcome proof = prove(file, {"--json"});
  EXPECT_EQ(proof.exit, Exit::environment) << proof.out;
  EXPECT_EQ(proof.text("verdict"), "undecided");
}

TEST_F(PolicyProveTest, AskingForNothingIsUsage) {
  EXPECT_EQ(run_policy({"prove"}).exit, Exit::usage);
  EXPECT_EQ(prove(generated(), {"--pcr", "8=ab"}).exit, Exit::usage);
  EXPECT_EQ(prove(generated(), {"--trust", "nothing"}).exit, Exit::usage);
  EXPECT_EQ(prove(folder_.path("missing.json")).exit, Exit::environment);
}

TEST_F(PolicyProveTest, FindingsAreAnExitCodeAndNames) {
  const Outcome people = run_policy({"lint", delegating()});
  EXPECT_EQ(people.exit, Exit::negative);
  EXPECT_THAT(people.out,
              HasSubstr("error: root-delegation: statement Enable IAM User Permissions"));
  const Outcome programs = run_policy({"lint", "--json", delegating()});
  EXPECT_EQ(programs.exit, Exit::negative);
  const json::array files = programs.json().at("files").as_array();
  EXPECT_FALSE(files.front().as_object().at("findings").as_array().empty());
}

TEST_F(PolicyProveTest, ReadsWhatTheAwsCliPrints) {
  const std::string wrapped =
      write("get-key-policy.json",
            json::serialize(json::object{{"Policy", policy::default_key_policy(kAccount)},
                                         {"PolicyName", "default"}}));
  EXPECT_EQ(run_policy({"lint", wrapped}).exit, Exit::negative);
  EXPECT_EQ(prove(wrapped).exit, Exit::negative);
}

TEST_F(PolicyProveTest, ATextThatIsNoPolicyIsRefused) {
  const Outcome findings = run_policy({"lint", write("no.json", "{}")});
  EXPECT_EQ(findings.exit, Exit::negative);
  EXPECT_THAT(findings.err, HasSubstr("Statement"));
}

}  // namespace
}  // namespace cofferdam::cli
