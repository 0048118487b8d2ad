// SPDX-License-Identifier: Apache-2.0
#include "cloud/seed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "cloud/iam_store.h"
#include "cloud/kms_store.h"
#include "cloud/secrets_store.h"
#include "cloud/seeding.h"

namespace cofferdam::cloud {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
    write("secret.json", R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
                         R"("Principal":"*","Action":"secretsmanager:*","Resource":"*"}]})");
    write("db.txt", "hunter2\n");
  }

  void write(std::string_view name, std::string_view text) { folder_.write(name, as_bytes(text)); }
  Result<Seed> parse(std::string_view text) {
    return parse_seed(text, folder_, Place{}.account, read_secret_file);
  }
  Status plant_text(std::string_view text) {
    COFFERDAM_TRY(const Seed seed, parse(text));
    return plant(store_, seed, Place{}, Timestamp(std::chrono::seconds(1'800'000'000)));
  }
  // Where the text is refused, after "seed: ".
  std::string refusal_of(std::string_view text) {
    const auto seed = parse(text);
    return seed ? "accepted" : seed.error().detail;
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

TEST_F(SeedTest, LettersBeyondAsciiAreNoKeys) {
  EXPECT_THAT(refusal_of("\xc6\xa8\xd8\x8f\nfo"), HasSubstr("the seed is not TOML: line 1"));
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

constexpr std::string_view kAllOfIam = R"(
[[policy]]
name = "use-keys"
path = "/app/"
description = "to use keys"
document = "use.json"

[[user]]
name = "bob"
path = "/team/"
tags = { team = "blue" }
boundary = "app/use-keys"
attach = ["app/use-keys", "arn:aws:iam::aws:policy/ReadOnlyAccess"]
access_key = "AKIAIOSFODNN7EXAMPLE"
secret_key_file = "bob.secret"

[user.inline]
own = """
{"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}"""

[[role]]
name = "deploy"
trust = "trust.json"
description = "of a test"
max_session_seconds = 7200

[[organization]]
id = "o-exampleorgid"
[[organization.level]]
policies = ["use.json"]

[[oidc_provider]]
url = "https://token.example.com"
client_ids = ["app"]
thumbprints = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
)";

TEST_F(SeedTest, IdentitiesHaveAllThatIamGivesThem) {
  write("bob.secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n");
  const Status planted = plant_text(kAllOfIam);
  ASSERT_TRUE(planted.has_value()) << planted.error().detail;
  ASSERT_TRUE(plant_text(kAllOfIam).has_value());
  IamStore iam(store_);
  const auto bob = iam.find_identity(Identity::Kind::user, "111122223333", "bob")->value();
  EXPECT_EQ(bob.arn(), "arn:aws:iam::111122223333:user/team/bob");
  EXPECT_EQ(bob.boundary, "arn:aws:iam::111122223333:policy/app/use-keys");
  EXPECT_EQ(bob.tags.at("team"), "blue");
  EXPECT_EQ(iam.attachments(bob.id)->size(), 2U);
  EXPECT_THAT(iam.inline_policies(bob.id)->front().document, HasSubstr("kms:*"));
  EXPECT_EQ(iam.find_access_key("AKIAIOSFODNN7EXAMPLE")->value().user_id, bob.id);
  EXPECT_EQ(as_text(iam.access_key_secret("AKIAIOSFODNN7EXAMPLE")->reveal()),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  EXPECT_EQ(iam.find_identity(Identity::Kind::role, "111122223333", "deploy")
                ->value()
                .max_session_seconds,
            7200);
  EXPECT_EQ(iam.organization_of("111122223333")->levels.at(0).at(0).name, "use");
  EXPECT_TRUE(iam.trusts_issuer("token.example.com").value());
}

TEST_F(SeedTest, AnOrganizationIsSetAnew) {
  ASSERT_TRUE(plant_text("[[organization]]\nid = \"o-first\"\n").has_value());
  ASSERT_TRUE(plant_text("[[organization]]\nid = \"o-second\"\n").has_value());
  EXPECT_EQ(IamStore(store_).organization_of("111122223333")->id, "o-second");
}

TEST_F(SeedTest, AnotherSecretAccessKeyIsADifferenceThatIsNotShown) {
  write("bob.secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n");
  ASSERT_TRUE(plant_text(kAllOfIam).has_value());
  write("bob.secret", "another-secret-of-a-test\n");
  const Status changed = plant_text(kAllOfIam);
  ASSERT_FALSE(changed.has_value());
  EXPECT_THAT(changed.error().detail, HasSubstr("AKIAIOSFODNN7EXAMPLE has another secret"));
  EXPECT_THAT(changed.error().detail, Not(HasSubstr("another-secret-of-a-test")));
}

constexpr std::string_view kResources = R"(
[[key]]
alias = "alias/app"
id = "12345678-1234-4234-8234-123456789012"
aliases = ["alias/other"]
tags = { app = "one" }
[[key.grant]]
name = "readers"
grantee = "arn:aws:iam::111122223333:role/reader"
operations = ["Decrypt"]
context_equals = { app = "one" }

[[secret]]
name = "prod/db"
description = "of a test"
kms_key = "alias/app"
string_file = "db.txt"
policy = "secret.json"
tags = { app = "one" }

[[secret]]
name = "prod/plain"
)";

TEST_F(SeedTest, KeysHaveTagsAliasesAndGrants) {
  const Status planted = plant_text(kResources);
  ASSERT_TRUE(planted.has_value()) << planted.error().detail;
  ASSERT_TRUE(plant_text(kResources).has_value());
  KeyStore keys(store_);
  const std::string id = "12345678-1234-4234-8234-123456789012";
  EXPECT_EQ(keys.find_alias("111122223333", "alias/other")->value().key_id, id);
  EXPECT_EQ(keys.tags(id)->at("app"), "one");
  GrantStore grants(store_);
  const auto there = grants.grants_of(id).value();
  ASSERT_EQ(there.size(), 1U);
  EXPECT_EQ(there.front().context_equals, (EncryptionContext{{"app", "one"}}));
}

TEST_F(SeedTest, SecretsArePlantedUnderTheirKey) {
  const Status planted = plant_text(kResources);
  ASSERT_TRUE(planted.has_value()) << planted.error().detail;
  SecretsStore secrets(store_);
  const auto db = secrets.find_by_name("111122223333", "prod/db")->value();
  EXPECT_THAT(db.policy, HasSubstr("secretsmanager:*"));
  const auto versions = secrets.list_versions(db.arn).value();
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(secrets.labels(db.arn)->with_stage("AWSCURRENT"), versions.front().id);
  EXPECT_EQ(versions.front().keys.front().kms_key,
            "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-4234-8234-123456789012");
  const auto plain = secrets.find_by_name("111122223333", "prod/plain")->value();
  EXPECT_TRUE(secrets.list_versions(plain.arn)->empty());
}

TEST_F(SeedTest, SaysWhereItRefuses) {
  write("short.secret", "short");
  write("empty", "");
  write("binary", std::string_view("\xff\xfe", 2));
  EXPECT_THAT(refusal_of("[[key]]\nalias=\"alias/a\"\n[[key]]\nalias=\"alias/a\"\n"),
              HasSubstr("key[1].alias names what the seed has already"));
  EXPECT_THAT(refusal_of("[[user]]\nname=\"a\"\naccess_key=\"AKIAIOSFODNN7EXAMPLE\"\n"
                         "secret_key_file=\"short.secret\"\n"),
              HasSubstr("user[0].secret_key_file holds less than 16 bytes"));
  EXPECT_THAT(refusal_of("[[user]]\nname=\"a\"\naccess_key=\"AKIAIOSFODNN7EXAMPLE\"\n"),
              HasSubstr("user[0].secret_key_file is missing"));
  EXPECT_THAT(refusal_of("[[user]]\nname=\"a\"\n[user.inline]\nown=\"{}\"\n"),
              HasSubstr("user[0].inline.own is not a policy"));
  EXPECT_THAT(refusal_of("[[secret]]\nname=\"a\"\nstring_file=\"empty\"\n"),
              HasSubstr("secret[0].string_file names an empty file"));
  EXPECT_THAT(refusal_of("[[secret]]\nname=\"a\"\nstring_file=\"binary\"\n"),
              HasSubstr("secret[0].string_file names a file that is not UTF-8"));
  EXPECT_THAT(refusal_of("[[key]]\nalias=\"alias/a\"\n[[key.grant]]\ngrantee=\"bob\"\n"),
              HasSubstr("key[0].grant[0].grantee is not the ARN of a principal"));
  EXPECT_THAT(refusal_of("[[key]]\nalias=\"alias/a\"\n[[key.grant]]\noperations=[\"Sign\"]\n"
                         "grantee=\"arn:aws:iam::111122223333:root\"\n"),
              HasSubstr("key[0].grant[0].operations is missing or has one that a grant on this"));
  EXPECT_THAT(refusal_of("[[organization]]\nid=\"o-a\"\n[[organization.level]]\n"),
              HasSubstr("organization[0].level[0].policies is missing"));
  EXPECT_THAT(refusal_of("[[oidc_provider]]\nurl=\"http://token.example.com\"\n"),
              HasSubstr("oidc_provider[0].url is not the https URL"));
}

TEST_F(SeedTest, WhatIsNotThereIsNotAttached) {
  const Status planted = plant_text("[[user]]\nname = \"a\"\nattach = [\"missing\"]\n");
  ASSERT_FALSE(planted.has_value());
  EXPECT_THAT(planted.error().detail, HasSubstr("policy/missing"));
  const Status sealed = plant_text("[[secret]]\nname = \"a\"\nkms_key = \"alias/missing\"\n");
  ASSERT_FALSE(sealed.has_value());
  EXPECT_THAT(sealed.error().detail, HasSubstr("which is no enabled symmetric key"));
}

}  // namespace
}  // namespace cofferdam::cloud
