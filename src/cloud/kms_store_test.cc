// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_store.h"

#include <gtest/gtest.h>

#include "cloud/store_test_support.h"

namespace cofferdam::cloud {
namespace {

using namespace test;

TEST(KeyStoreTest, GivesBackAKeyAsItWasAdded) {
  Store store = open_in_memory();
  KeyStore keys(store);
  const KeyRecord key = key_record("k1");
  ASSERT_TRUE(keys.add_key(key, material("material")).has_value());
  const auto found = keys.find_key("k1");
  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->arn, key.arn);
  EXPECT_EQ((*found)->account, key.account);
  EXPECT_EQ((*found)->state, KeyState::enabled);
  EXPECT_EQ((*found)->description, key.description);
  EXPECT_EQ((*found)->created, key.created);
  EXPECT_EQ((*found)->policy, key.policy);
  EXPECT_EQ(*keys.material("k1", 0), material("material"));
}

TEST(KeyStoreTest, AnUnknownKeyIsAbsentNotAnError) {
  Store store = open_in_memory();
  KeyStore keys(store);
  const auto found = keys.find_key("nobody");
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->has_value());
  EXPECT_EQ(keys.material("nobody", 0).error().code, Errc::not_found);
}

TEST(KeyStoreTest, RefusesTheSameKeyTwice) {
  Store store = open_in_memory();
  KeyStore keys(store);
  ASSERT_TRUE(keys.add_key(key_record("k1"), material("a")).has_value());
  EXPECT_FALSE(keys.add_key(key_record("k1"), material("b")).has_value());
  EXPECT_EQ(*keys.material("k1", 0), material("a"));
}

TEST(KeyStoreTest, KeepsEveryChangeOfARecord) {
  Store store = open_in_memory();
  KeyStore keys(store);
  KeyRecord key = key_record("k1");
  ASSERT_TRUE(keys.add_key(key, material("a")).has_value());
  key.policy = R"({"new":true})";
  key.description = "other";
  key.state = KeyState::pending_deletion;
  key.deletion = key.created + std::chrono::days(7);
  key.rotation_days = 90;
  key.next_rotation = key.created + std::chrono::days(90);
  ASSERT_TRUE(keys.update_key(key).has_value());
  const auto found = keys.find_key("k1");
  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->policy, key.policy);
  EXPECT_EQ((*found)->description, key.description);
  EXPECT_EQ((*found)->state, key.state);
  EXPECT_EQ((*found)->deletion, key.deletion);
  EXPECT_EQ((*found)->rotation_days, key.rotation_days);
  EXPECT_EQ((*found)->next_rotation, key.next_rotation);
}

TEST(KeyStoreTest, ListsKeysOfOneAccountAfterTheMarker) {
  Store store = open_in_memory();
  KeyStore keys(store);
  for (const char* id : {"c", "a", "b"}) {
    ASSERT_TRUE(keys.add_key(key_record(id), material("m")).has_value());
  }
  EXPECT_EQ(*keys.list_keys("111122223333", "", 10), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(*keys.list_keys("111122223333", "a", 1), std::vector<std::string>{"b"});
  EXPECT_TRUE(keys.list_keys("999999999999", "", 10)->empty());
}

TEST(KeyStoreTest, AnAliasNamesOneKeyAndNeedsIt) {
  Store store = open_in_memory();
  KeyStore keys(store);
  ASSERT_TRUE(keys.add_key(key_record("k1"), material("m")).has_value());
  const AliasRecord one{.name = "alias/one", .key_id = "k1", .created = {}, .updated = {}};
  const AliasRecord two{.name = "alias/two", .key_id = "missing", .created = {}, .updated = {}};
  EXPECT_TRUE(*keys.add_alias("111122223333", one));
  EXPECT_FALSE(*keys.add_alias("111122223333", one));
  EXPECT_FALSE(keys.add_alias("111122223333", two).has_value());
  EXPECT_EQ((*keys.find_alias("111122223333", "alias/one"))->key_id, "k1");
  EXPECT_FALSE(keys.find_alias("999999999999", "alias/one")->has_value());
  EXPECT_EQ(*keys.aliases_of("k1"), std::vector<std::string>{"alias/one"});
}

TEST(KeyStoreTest, GenerationsOfMaterialAreAllThere) {
  Store store = open_in_memory();
  KeyStore keys(store);
  ASSERT_TRUE(keys.add_key(key_record("k1"), material("zero")).has_value());
  ASSERT_TRUE(
      keys.add_material("k1", {.serial = 1, .created = {}, .on_demand = true}, material("one"))
          .has_value());
  EXPECT_EQ(keys.current_material("k1")->serial, 1U);
  EXPECT_EQ(keys.current_material("k1")->bytes, material("one"));
  EXPECT_EQ(*keys.material("k1", 0), material("zero"));
  EXPECT_EQ(keys.material("k1", 2).error().code, Errc::not_found);
  EXPECT_EQ(keys.materials("k1")->size(), 2U);
}

TEST(KeyStoreTest, NothingOfADeletedKeyStays) {
  Store store = open_in_memory();
  KeyStore keys(store);
  KeyRecord key = key_record("k1");
  ASSERT_TRUE(keys.add_key(key, material("m")).has_value());
  ASSERT_TRUE(*keys.add_alias(key.account,
                              {.name = "alias/one", .key_id = "k1", .created = {}, .updated = {}}));
  ASSERT_TRUE(keys.put_tag("k1", "a", "b").has_value());
  key.state = KeyState::pending_deletion;
  key.deletion = key.created;
  ASSERT_TRUE(keys.update_key(key).has_value());
  EXPECT_TRUE(keys.keys_to_delete(key.created - std::chrono::milliseconds(1))->empty());
  EXPECT_EQ(*keys.keys_to_delete(key.created), std::vector<std::string>{"k1"});
  ASSERT_TRUE(keys.delete_key("k1").has_value());
  EXPECT_FALSE(keys.find_key("k1")->has_value());
  EXPECT_FALSE(keys.find_alias(key.account, "alias/one")->has_value());
  EXPECT_FALSE(keys.material("k1", 0).has_value());
  EXPECT_TRUE(keys.tags("k1")->empty());
}

// The tables of version 1, with one key and one alias.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (
  id TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, account TEXT NOT NULL, state INTEGER NOT NULL,
  spec TEXT NOT NULL, usage TEXT NOT NULL, description TEXT NOT NULL, created INTEGER NOT NULL,
  policy TEXT NOT NULL, material BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX keys_of_account ON keys (account, id);
CREATE TABLE aliases (
  account TEXT NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL REFERENCES keys (id),
  created INTEGER NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID;
CREATE TABLE principals (
  access_key_id TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, role_arn TEXT NOT NULL,
  user_id TEXT NOT NULL, account TEXT NOT NULL, policies TEXT NOT NULL,
  secret BLOB NOT NULL, token BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (digest BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX documents_by_expiry ON documents (expires);
INSERT INTO aliases VALUES ('111122223333', 'alias/old', 'k1', 1700000000123);
PRAGMA user_version = 1;
)sql";

TEST(KeyStoreTest, OpensAFolderOfTheFirstVersion) {
  const TestFolder folder;
  {
    auto database = Database::open(folder / kDatabase);
    ASSERT_TRUE(database.has_value());
    ASSERT_TRUE(database->script("PRAGMA foreign_keys=OFF").has_value());
    ASSERT_TRUE(database->script(kVersion1).has_value());
    const Bytes sealed = *open_in_memory().seal("key", "k1", as_bytes("material"));
    ASSERT_TRUE(database
                    ->execute("INSERT INTO keys VALUES ('k1', 'arn', '111122223333', 1, "
                              "'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'old', 1700000000123, "
                              "'{}', ?1)",
                              {ByteView(sealed)})
                    .has_value());
  }
  auto store = Store::open(folder / kDatabase, master_key());
  ASSERT_TRUE(store.has_value()) << store.error().detail;
  KeyStore keys(*store);
  const auto key = keys.find_key("k1");
  ASSERT_TRUE(key.has_value() && key->has_value());
  EXPECT_EQ((*key)->state, KeyState::disabled);
  EXPECT_FALSE((*key)->deletion.has_value());
  EXPECT_EQ(*keys.material("k1", 0), material("material"));
  EXPECT_EQ(keys.current_material("k1")->serial, 0U);
  EXPECT_EQ((*keys.find_alias("111122223333", "alias/old"))->updated, (*key)->created);
}

}  // namespace
}  // namespace cofferdam::cloud
