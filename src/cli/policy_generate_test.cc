// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam policy key`, `role` and `terraform`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "cli/test_run.h"
#include "eif/reader.h"
#include "eif/test_image.h"
#include "policy/document.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAdmin = "arn:aws:iam::111122223333:role/KeyAdmin";
constexpr const char* kUser = "arn:aws:iam::111122223333:role/parent";
const std::string kPcr8(96, 'a');

Outcome run_policy(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "policy");
  return test::run(add_policy, std::move(arguments));
}

TEST(PolicyGenerateTest, PrintsAKeyPolicyThatAwsTakes) {
  const Outcome made = run_policy({"key", "--pcr8", kPcr8, "--admin", kAdmin, "--user", kUser});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  EXPECT_TRUE(policy::parse_document(made.out, policy::PolicyKind::key));
  EXPECT_THAT(made.out, HasSubstr(kPcr8));
  EXPECT_THAT(made.out, HasSubstr("arn:aws:iam::111122223333:root"));
}

TEST(PolicyGenerateTest, RefusesPinsThatADebugEnclaveSatisfies) {
  const Outcome made = run_policy({"key", "--pcr3", kPcr8, "--admin", kAdmin, "--user", kUser});
  EXPECT_EQ(made.exit, Exit::negative);
  EXPECT_TRUE(made.out.empty());
  EXPECT_THAT(made.err, HasSubstr("debug mode"));
}

TEST(PolicyGenerateTest, SaysWhichValueIsMistyped) {
  const Outcome made =
      run_policy({"key", "--pcr8", kPcr8, "--pcr0", "abc", "--admin", kAdmin, "--user", kUser});
  EXPECT_EQ(made.exit, Exit::negative);
  EXPECT_THAT(made.err, HasSubstr("--pcr0: expected 96 hexadecimal digits"));
}

TEST(PolicyGenerateTest, TakesTheMeasurementsFromASignedImage) {
  const TestFolder folder;
  const eif::Signer signer = eif::test::make_signer(crypto::Curve::p384);
  folder.write("payments.eif", eif::test::signed_by(signer, eif::test::small_parts()));
  const std::string image = folder.path("payments.eif");
  const std::string pcr0 = to_hex(eif::Image::open(image)->measure()->pcr0);
  const std::string pcr8 = to_hex(signer.certificate().pcr8);
  const Outcome loose = run_policy({"key", "--image", image, "--admin", kAdmin, "--user", kUser});
  EXPECT_THAT(loose.out, HasSubstr(pcr8));
  EXPECT_THAT(loose.out, Not(HasSubstr(pcr0)));
  const Outcome tight =
      run_policy({"key", "--image", image, "--pin-pcr0", "--admin", kAdmin, "--user", kUser});
  EXPECT_THAT(tight.out, HasSubstr(pcr8));
  EXPECT_THAT(tight.out, HasSubstr(pcr0));
  const Outcome torn =
      run_policy({"key", "--image", image, "--pcr8", kPcr8, "--admin", kAdmin, "--user", kUser});
  EXPECT_EQ(torn.exit, Exit::negative);
  EXPECT_THAT(torn.err, HasSubstr("different values for PCR8"));
}

TEST(PolicyGenerateTest, PrintsTheTwoPoliciesOfARole) {
  const Outcome made =
      run_policy({"role", "--account", "111122223333", "--issuer", "https://broker.example.com",
                  "--subject", "cofferdam:payments:release:7", "--pcr8", kPcr8, "--key",
                  "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  const json::object both = made.json();
  EXPECT_TRUE(policy::parse_document(json::serialize(both.at("trust")), policy::PolicyKind::trust));
  EXPECT_TRUE(policy::parse_document(json::serialize(both.at("permissions")),
                                     policy::PolicyKind::identity));
}

TEST(PolicyGenerateTest, WritesTerraformForEachAccount) {
  const TestFolder folder;
  const Outcome made =
      run_policy({"terraform", "--output", folder.path("keys"), "--account", "111122223333",
                  "--account", "444455556666", "--region", "eu-central-1", "--key", "payments",
                  "--pcr8", kPcr8, "--admin", "role/KeyAdmin", "--user", "role/parent"});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  EXPECT_EQ(made.json().at("files").as_array().size(), 4U);
  const auto policy = read_text_file(folder.path("keys") / "policies/444455556666.json", 65536);
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_THAT(*policy, HasSubstr("arn:aws:iam::444455556666:role/KeyAdmin"));
}

}  // namespace
}  // namespace cofferdam::cli
