// SPDX-License-Identifier: Apache-2.0
#include "cloud/seed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "cloud/iam_store.h"
#include "cloud/kms_store.h"
#include "cloud/seeding.h"

namespace cofferdam::cloud {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kSeed = R"(
[[user]]
name = "alice"
policies = ["use.json"]
credentials = "alice.json"

[[role]]
account = "444455556666"
name = "deploy"
trust = "trust.json"

[[key]]
alias = "alias/app"
policy = "key.json"
)";

class SeedTest : public ::testing::Test {
 protected:
  SeedTest() {
    write("use.json", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
                      R"("Action":"kms:Decrypt","Resource":"*"}]})");
    write("trust.json", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
                        R"("Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]})");
    write("key.json", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
                      R"("Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}]})");
  }

  void write(std::string_view name, std::string_view text) { folder_.write(name, as_bytes(text)); }
  Result<Seed> parse(std::string_view text) { return parse_seed(text, folder_, Place{}.account); }
  Status plant_text(std::string_view text) {
    COFFERDAM_TRY(const Seed seed, parse(text));
    return plant(store_, seed, Place{}, Timestamp(std::chrono::seconds(1'800'000'000)));
  }
  std::string credentials() { return read_text_file(folder_ / "alice.json", 4096).value_or(""); }

  TestFolder folder_;
  Store store_ = *Store::open(std::nullopt, Secret(32));
};

TEST_F(SeedTest, MakesWhatItNames) {
  const Status planted = plant_text(kSeed);
  ASSERT_TRUE(planted.has_value()) << planted.error().detail;
  IamStore iam(store_);
  const auto alice = *iam.find_identity(Identity::Kind::user, "111122223333", "alice");
  ASSERT_TRUE(alice.has_value());
  EXPECT_EQ(iam.inline_policies(alice->id)->front().name, "use");
  EXPECT_TRUE(iam.find_identity(Identity::Kind::role, "444455556666", "deploy")->has_value());
  KeyStore keys(store_);
  EXPECT_TRUE(keys.find_alias("111122223333", "alias/app")->has_value());
  EXPECT_THAT(credentials(), HasSubstr("SecretAccessKey"));
}

TEST_F(SeedTest, SeedingTwiceChangesNothing) {
  ASSERT_TRUE(plant_text(kSeed).has_value());
  KeyStore keys(store_);
  const std::string key = keys.find_alias("111122223333", "alias/app")->value().key_id;
  const std::string secret = credentials();
  ASSERT_TRUE(plant_text(kSeed).has_value());
  EXPECT_EQ(keys.find_alias("111122223333", "alias/app")->value().key_id, key);
  EXPECT_EQ(credentials(), secret);
}

TEST_F(SeedTest, SaysWhatDiffersAndWritesNothing) {
  ASSERT_TRUE(plant_text(kSeed).has_value());
  const Status changed = plant_text(
      "[[user]]\nname = \"bob\"\n[[key]]\nalias = \"alias/app\"\ndescription = \"other\"\n");
  ASSERT_FALSE(changed.has_value());
  EXPECT_THAT(changed.error().detail, HasSubstr("alias/app has another description"));
  EXPECT_FALSE(
      IamStore(store_).find_identity(Identity::Kind::user, "111122223333", "bob")->has_value());
}

TEST_F(SeedTest, RefusesWhatItDoesNotKnow) {
  write("broken.json", R"({"Version":"2012-10-17"})");
  for (const char* text :
       {"[[user]]\n", "[[user]]\nname = \"a b\"\n", "[[user]]\nname = \"a\"\npassword = \"x\"\n",
        "[[group]]\nname = \"a\"\n", "[[user]]\nname = \"a\"\naccount = \"12\"\n",
        "[[user]]\nname = \"a\"\npolicies = [\"missing.json\"]\n",
        "[[user]]\nname = \"a\"\npolicies = [\"broken.json\"]\n", "[[role]]\nname = \"a\"\n",
        "[[role]]\nname = \"a\"\ntrust = \"use.json\"\n", "[[key]]\nalias = \"app\"\n",
        "[[key]]\nalias = \"alias/aws/s3\"\n", "[[key]]\nalias = \"alias/a\"\nspec = \"DES\"\n",
        "[[key]]\nalias = \"alias/a\"\nspec = \"HMAC_256\"\n", "[[key]\n"}) {
    const auto seed = parse(text);
    ASSERT_FALSE(seed.has_value()) << text;
    EXPECT_EQ(seed.error().code, Errc::invalid_input) << text;
    EXPECT_THAT(seed.error().detail, HasSubstr("seed")) << text;
  }
}

}  // namespace
}  // namespace cofferdam::cloud
