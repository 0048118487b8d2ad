// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam_store.h"

#include <gtest/gtest.h>

#include "cloud/database.h"
#include "cloud/identities.h"
#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

// The principals table as versions 1 to 3 had it, with the identities of that time.
constexpr const char* kBefore = R"sql(
CREATE TABLE principals (
  access_key_id TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, role_arn TEXT NOT NULL,
  user_id TEXT NOT NULL, account TEXT NOT NULL, policies TEXT NOT NULL,
  secret BLOB NOT NULL, token BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 3;
)sql";

void add_principal(Store& store, Database& database, const std::string& key, const std::string& arn,
                   const std::string& role, const std::string& id, const std::string& token) {
  const Bytes secret = *store.seal("principal-secret", key, as_bytes("secret of " + key));
  const Bytes sealed = *store.seal("principal-token", key, as_bytes(token));
  ASSERT_TRUE(database
                  .execute("INSERT INTO principals VALUES (?1, ?2, ?3, ?4, '111122223333', "
                           "'[\"{\\\"one\\\":1}\"]', ?5, ?6)",
                           {std::string_view(key), std::string_view(arn), std::string_view(role),
                            std::string_view(id), ByteView(secret), ByteView(sealed)})
                  .has_value());
}

TEST(IamStoreTest, PrincipalsOfEarlierVersionsBecomeAUserAndARole) {
  const TestFolder folder;
  const auto path = folder.path() / "state.sqlite";
  {
    Store store = *Store::open(path, Secret(32));
    ASSERT_TRUE(store.commit().has_value());
  }
  {
    // Back to what was before: no tables of IAM, and the principals.
    Store sealer = *Store::open(std::nullopt, Secret(32));
    Database database = *Database::open(path);
    for (const char* table :
         {"DROP TABLE iam_inline_policies", "DROP TABLE iam_attachments",
          "DROP TABLE iam_access_keys", "DROP TABLE iam_fixed_sessions",
          "DROP TABLE iam_identities", "DROP TABLE iam_policy_versions", "DROP TABLE iam_policies",
          "DROP TABLE iam_oidc_providers", "DROP TABLE iam_organizations",
          "DROP TABLE iam_control_policies", kBefore}) {
      ASSERT_TRUE(database.script(table).has_value()) << table;
    }
    add_principal(sealer, database, "AKIAEXAMPLE", admin_arn({}), "", "AIDAEXAMPLE", "");
    add_principal(sealer, database, "ASIAEXAMPLE", enclave_session_arn({}),
                  "arn:aws:iam::111122223333:role/cofferdam-enclave", "AROAEXAMPLE:i-local",
                  "token");
  }
  auto opened = Store::open(path, Secret(32));
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  Store store = *std::move(opened);
  const auto admin = credentials_of(store, admin_arn({}));
  ASSERT_TRUE(admin.has_value()) << admin.error().detail;
  EXPECT_EQ(admin->access_key_id, "AKIAEXAMPLE");
  EXPECT_EQ(as_text(admin->secret_access_key.reveal()), "secret of AKIAEXAMPLE");
  const auto enclave = credentials_of(store, enclave_session_arn({}));
  ASSERT_TRUE(enclave.has_value()) << enclave.error().detail;
  EXPECT_EQ(enclave->access_key_id, "ASIAEXAMPLE");
  EXPECT_EQ(enclave->session_token, "token");
  IamStore iam(store);
  const auto role = iam.find_identity(Identity::Kind::role, "111122223333", "cofferdam-enclave");
  ASSERT_TRUE(role.has_value() && role->has_value());
  EXPECT_EQ((*role)->id, "AROAEXAMPLE");
  const auto policies = iam.inline_policies("AROAEXAMPLE");
  ASSERT_EQ(policies->size(), 1U);
  EXPECT_EQ(policies->front().document, R"({"one":1})");
}

TEST(IamStoreTest, AnOrganizationHasLevels) {
  Store store = *Store::open(std::nullopt, Secret(32));
  IamStore iam(store);
  EXPECT_TRUE(iam.organization_of("111122223333")->id.empty());
  const Organization organization{
      .id = "o-1",
      .levels = {{{.name = "a", .document = "1"}, {.name = "b", .document = "2"}},
                 {{.name = "c", .document = "3"}}}};
  ASSERT_TRUE(iam.put_organization("111122223333", organization).has_value());
  const auto found = iam.organization_of("111122223333");
  ASSERT_EQ(found->levels.size(), 2U);
  EXPECT_EQ(found->levels[0][1].name, "b");
  EXPECT_EQ(found->levels[1][0].document, "3");
}

}  // namespace
}  // namespace cofferdam::cloud
