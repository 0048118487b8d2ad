// SPDX-License-Identifier: Apache-2.0
#include "cloud/identities.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

const Timestamp kNow = *parse_rfc3339("2026-01-15T12:00:00Z");

Store open_store() { return *Store::open(std::nullopt, Secret(32)); }

TEST(IdentitiesTest, PrincipalsAreMadeOnce) {
  Store store = open_store();
  ASSERT_TRUE(ensure_principals(store, {}, kNow));
  const auto before = credentials_of(store, admin_arn({}));
  ASSERT_TRUE(ensure_principals(store, {}, kNow));
  const auto after = credentials_of(store, admin_arn({}));
  EXPECT_EQ(before->access_key_id, after->access_key_id);
  EXPECT_EQ(before->secret_access_key, after->secret_access_key);
  EXPECT_EQ(after->access_key_id.size(), 20U);
  EXPECT_EQ(after->secret_access_key.size(), 40U);
}

TEST(IdentitiesTest, CredentialsAreExportedForTheirUserOnly) {
  const TestFolder folder;
  Store store = open_store();
  ASSERT_TRUE(ensure_principals(store, {}, kNow));
  const auto file = folder.path() / "enclave.json";
  ASSERT_TRUE(export_credentials(store, enclave_session_arn({}), file));
  struct stat info{};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const auto value = parse_json(*read_text_file(file, 4096), 4096);
  ASSERT_TRUE(value.has_value());
  const auto principal = credentials_of(store, enclave_session_arn({}));
  EXPECT_EQ(test::str(value->at("AccessKeyId")), principal->access_key_id);
  EXPECT_EQ(test::str(value->at("Token")), principal->session_token);
  EXPECT_FALSE(export_credentials(store, "arn:aws:iam::111122223333:user/nobody", file));
}

TEST(IdentitiesTest, TheCaStaysAndTheServerKeyChanges) {
  Store store = open_store();
  const auto first = make_tls_identity(store, {}, "127.0.0.1", kNow);
  const auto second = make_tls_identity(store, {}, "127.0.0.1", kNow);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->ca_pem, second->ca_pem);
  EXPECT_FALSE(first->key_pem == second->key_pem);
  EXPECT_TRUE(first->chain_pem.ends_with(first->ca_pem));
}

TEST(IdentitiesTest, AStoreBelongsToOneRegion) {
  Store store = open_store();
  EXPECT_TRUE(ensure_place(store, {}));
  EXPECT_TRUE(ensure_place(store, {}));
  const Status moved = ensure_place(store, {.account = "111122223333", .region = "eu-west-1"});
  ASSERT_FALSE(moved.has_value());
  EXPECT_EQ(moved.error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace cofferdam::cloud
