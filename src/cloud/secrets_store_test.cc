// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_store.h"

#include <gtest/gtest.h>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

Timestamp at(int second) { return Timestamp(std::chrono::seconds(1'700'000'000 + second)); }

SecretRecord record(const std::string& name, int second = 0) {
  SecretRecord secret;
  secret.account = "111122223333";
  secret.name = name;
  secret.arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:" + name + "-AbCdEf";
  secret.created = at(second);
  secret.changed = at(second);
  return secret;
}

SecretVersion version(const std::string& id) {
  SecretVersion out;
  out.id = id;
  out.created = at(1);
  out.sealed = {1, 2, 3};
  out.keys = {{.kms_key = "key-2", .blob = {4}}, {.kms_key = "key-1", .blob = {5}}};
  return out;
}

class SecretsStoreTest : public testing::Test {
 protected:
  Store store_ = *Store::open(std::nullopt, Secret(32));
  SecretsStore secrets_{store_};
};

TEST_F(SecretsStoreTest, GivesBackARecordWithEverythingInIt) {
  SecretRecord secret = record("db");
  secret.description = "the database";
  secret.kms_key = "alias/mine";
  secret.policy = "{}";
  secret.accessed = at(60);
  secret.deletion = at(70);
  secret.rotation = RotationSettings{.enabled = true,
                                     .lambda_arn = "arn:aws:lambda:x",
                                     .after_days = 0,
                                     .schedule = "rate(4 days)",
                                     .duration = "2h"};
  secret.rotated = at(80);
  secret.next_rotation = at(90);
  ASSERT_TRUE(secrets_.add(secret));
  const auto found = secrets_.find_by_name("111122223333", "db");
  ASSERT_TRUE(found.has_value() && found->has_value());
  const SecretRecord& back = **found;
  EXPECT_EQ(back.arn, secret.arn);
  EXPECT_EQ(back.description, secret.description);
  EXPECT_EQ(back.kms_key, secret.kms_key);
  EXPECT_EQ(back.policy, secret.policy);
  EXPECT_EQ(back.accessed, secret.accessed);
  EXPECT_EQ(back.deletion, secret.deletion);
  ASSERT_TRUE(back.rotation.has_value());
  EXPECT_TRUE(back.rotation->enabled);
  EXPECT_EQ(back.rotation->lambda_arn, "arn:aws:lambda:x");
  EXPECT_EQ(back.rotation->schedule, "rate(4 days)");
  EXPECT_EQ(back.rotation->duration, "2h");
  EXPECT_EQ(back.rotated, secret.rotated);
  EXPECT_EQ(back.next_rotation, secret.next_rotation);
  EXPECT_FALSE((*secrets_.find_by_name("444455556666", "db")).has_value());
}

TEST_F(SecretsStoreTest, AnAccountHasANameOnce) {
  ASSERT_TRUE(secrets_.add(record("db")));
  SecretRecord second = record("db");
  second.arn += "2";
  EXPECT_FALSE(secrets_.add(second).has_value());
  EXPECT_FALSE((*secrets_.find(second.arn)).has_value());
}

TEST_F(SecretsStoreTest, VersionsKeepTheirKeysInOrder) {
  ASSERT_TRUE(secrets_.add(record("db")));
  const std::string arn = record("db").arn;
  ASSERT_TRUE(secrets_.put_version(arn, version("v1")));
  const auto found = secrets_.find_version(arn, "v1");
  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->sealed, (Bytes{1, 2, 3}));
  ASSERT_EQ((*found)->keys.size(), 2U);
  EXPECT_EQ((*found)->keys[0].kms_key, "key-2");
  EXPECT_EQ((*found)->keys[1].blob, Bytes{5});
  SecretVersion again = version("v1");
  again.keys.pop_back();
  again.sealed = {9};
  ASSERT_TRUE(secrets_.put_version(arn, again));
  EXPECT_EQ((*secrets_.find_version(arn, "v1"))->keys.size(), 1U);
  EXPECT_EQ((*secrets_.find_version(arn, "v1"))->sealed, Bytes{9});
}

TEST_F(SecretsStoreTest, LabelsComeBackAndALabelNeedsItsVersion) {
  ASSERT_TRUE(secrets_.add(record("db")));
  const std::string arn = record("db").arn;
  SecretVersions versions;
  ASSERT_TRUE(versions.add("v1", {}));
  EXPECT_FALSE(secrets_.put_labels(arn, versions).has_value()) << "there is no such version";
  ASSERT_TRUE(secrets_.put_version(arn, version("v1")));
  ASSERT_TRUE(secrets_.put_version(arn, version("v2")));
  ASSERT_TRUE(versions.add("v2", {"AWSPENDING", "with space"}));
  ASSERT_TRUE(secrets_.put_labels(arn, versions));
  EXPECT_EQ((*secrets_.labels(arn)).all(), versions.all());
}

TEST_F(SecretsStoreTest, RemovalTakesEverythingAlong) {
  ASSERT_TRUE(secrets_.add(record("db")));
  const std::string arn = record("db").arn;
  ASSERT_TRUE(secrets_.put_version(arn, version("v1")));
  ASSERT_TRUE(secrets_.put_tags(arn, {{"a", "b"}}));
  SecretVersions versions;
  ASSERT_TRUE(versions.add("v1", {}));
  ASSERT_TRUE(secrets_.put_labels(arn, versions));
  ASSERT_TRUE(secrets_.remove(arn));
  EXPECT_FALSE((*secrets_.find(arn)).has_value());
  EXPECT_FALSE((*secrets_.find_version(arn, "v1")).has_value());
  EXPECT_TRUE((*secrets_.labels(arn)).all().empty());
  EXPECT_TRUE((*secrets_.tags(arn)).empty());
}

TEST_F(SecretsStoreTest, ListsInEveryOrderWithoutGapsOrRepeats) {
  const std::vector<std::string> names{"c", "a", "e", "b", "d"};
  int second = 0;
  for (const std::string& name : names) ASSERT_TRUE(secrets_.add(record(name, second++ / 2)));
  for (const SecretOrder order :
       {SecretOrder::created, SecretOrder::changed, SecretOrder::accessed, SecretOrder::name}) {
    for (const bool descending : {false, true}) {
      SecretsAfter after{.order = order, .descending = descending, .last = {}};
      std::vector<std::string> seen;
      for (;;) {
        const auto page = secrets_.list("111122223333", after, 2);
        ASSERT_TRUE(page.has_value());
        if (page->empty()) break;
        for (const SecretRecord& secret : *page) seen.push_back(secret.name);
        after.last = page->back();
      }
      const std::set<std::string> different(seen.begin(), seen.end());
      EXPECT_EQ(seen.size(), 5U);
      EXPECT_EQ(different.size(), 5U);
      if (order == SecretOrder::name) {
        EXPECT_EQ(seen.front(), descending ? "e" : "a");
      }
    }
  }
}

TEST_F(SecretsStoreTest, FindsWhatIsDueForDeletion) {
  SecretRecord due = record("due");
  due.deletion = at(10);
  SecretRecord later = record("later");
  later.deletion = at(20);
  for (const SecretRecord& secret : {due, later, record("kept")}) {
    ASSERT_TRUE(secrets_.add(secret));
  }
  EXPECT_EQ(*secrets_.due_for_deletion(at(10)), std::vector{due.arn});
}

// Whoever opens the database after a crash sees a version whole or not at all.
TEST(SecretsStoreCrashTest, AVersionIsThereWholeOrNotAtAll) {
  const TestFolder folder;
  const auto path = folder.path() / "cloud.db";
  const std::string arn = record("db").arn;
  {
    Store store = *Store::open(path, Secret(32));
    SecretsStore secrets(store);
    ASSERT_TRUE(secrets.add(record("db")));
    SecretVersions versions;
    ASSERT_TRUE(versions.add("v1", {}));
    const Status cut = store.atomically([&]() -> Status {
      COFFERDAM_CHECK(secrets.put_version(arn, version("v1")));
      COFFERDAM_CHECK(secrets.put_labels(arn, versions));
      return fail(Errc::unavailable, "cut off");
    });
    EXPECT_FALSE(cut.has_value());
    ASSERT_TRUE(secrets.put_version(arn, version("v0")));
    // Never committed: as after kill -9.
    store.defer_commits();
    ASSERT_TRUE(secrets.put_version(arn, version("v2")));
  }
  Store store = *Store::open(path, Secret(32));
  SecretsStore secrets(store);
  EXPECT_FALSE((*secrets.find_version(arn, "v1")).has_value());
  EXPECT_TRUE((*secrets.find_version(arn, "v0")).has_value());
  EXPECT_FALSE((*secrets.find_version(arn, "v2")).has_value());
  EXPECT_EQ((*secrets.labels(arn)).all().size(), 1U);
}

}  // namespace
}  // namespace cofferdam::cloud
