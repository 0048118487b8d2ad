// SPDX-License-Identifier: Apache-2.0
#include "cloud/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "base/file.h"
#include "cloud/iam_store.h"
#include "cloud/kms_store.h"
#include "cloud/store_test_support.h"

namespace cofferdam::cloud {
namespace {

using namespace test;

TEST(StoreTest, RemembersADocumentUntilItExpires) {
  Store store = open_in_memory();
  const Bytes digest(48, 1);
  const Timestamp expires(std::chrono::milliseconds(1000));
  EXPECT_TRUE(*store.remember_document(digest, expires));
  EXPECT_FALSE(*store.remember_document(digest, expires));
  ASSERT_TRUE(store.forget_documents(expires).has_value());
  EXPECT_FALSE(*store.remember_document(digest, expires));
  ASSERT_TRUE(store.forget_documents(expires + std::chrono::milliseconds(1)).has_value());
  EXPECT_TRUE(*store.remember_document(digest, expires));
}

TEST(StoreTest, KeepsItsStateAcrossOpening) {
  const TestFolder folder;
  {
    auto store = Store::open(folder / kDatabase, master_key());
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    ASSERT_TRUE(KeyStore(*store).add_key(key_record("k1"), material("kept")).has_value());
  }
  auto store = Store::open(folder / kDatabase, master_key());
  ASSERT_TRUE(store.has_value()) << store.error().detail;
  EXPECT_EQ(*KeyStore(*store).material("k1", 0), material("kept"));
}

TEST(StoreTest, ADeferredWriteIsSeenAtOnceAndKeptByCommit) {
  const TestFolder folder;
  {
    auto store = Store::open(folder / kDatabase, master_key());
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    store->defer_commits();
    ASSERT_TRUE(KeyStore(*store).add_key(key_record("committed"), material("m")).has_value());
    EXPECT_TRUE(store->has_uncommitted());
    EXPECT_TRUE(KeyStore(*store).find_key("committed")->has_value());
    EXPECT_FALSE(KeyStore(*store).add_key(key_record("committed"), material("m")).has_value());
    ASSERT_TRUE(store->commit().has_value());
    EXPECT_FALSE(store->has_uncommitted());
    ASSERT_TRUE(KeyStore(*store).add_key(key_record("lost"), material("m")).has_value());
  }
  auto store = Store::open(folder / kDatabase, master_key());
  ASSERT_TRUE(store.has_value()) << store.error().detail;
  EXPECT_TRUE(KeyStore(*store).find_key("committed")->has_value());
  EXPECT_FALSE(KeyStore(*store).find_key("lost")->has_value());
}

TEST(StoreTest, RefusesAnotherMasterKey) {
  const TestFolder folder;
  ASSERT_TRUE(Store::open(folder / kDatabase, master_key(1)).has_value());
  const auto store = Store::open(folder / kDatabase, master_key(2));
  ASSERT_FALSE(store.has_value());
  EXPECT_EQ(store.error().code, Errc::unauthenticated);
  EXPECT_FALSE(Store::open(std::nullopt, Secret(31)).has_value());
}

TEST(StoreTest, RefusesASecondProcess) {
  const TestFolder folder;
  const auto first = Store::open(folder / kDatabase, master_key());
  ASSERT_TRUE(first.has_value());
  const auto second = Store::open(folder / kDatabase, master_key());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
}

TEST(StoreTest, NoSecretIsInTheFileInClear) {
  const TestFolder folder;
  {
    auto store = Store::open(folder / kDatabase, master_key());
    ASSERT_TRUE(store.has_value());
    ASSERT_TRUE(
        KeyStore(*store).add_key(key_record("k1"), material("needle-in-the-key")).has_value());
    IamStore iam(*store);
    const Identity user{
        .id = "AIDAEXAMPLE", .account = "111122223333", .name = "alice", .created = Timestamp()};
    ASSERT_TRUE(iam.add_identity(user).has_value());
    const AccessKey key{.id = "AKIAEXAMPLE", .user_id = user.id, .created = Timestamp()};
    ASSERT_TRUE(iam.add_access_key(key, material("needle-in-the-secret")).has_value());
    FixedSession session{.access_key_id = "ASIAEXAMPLE",
                         .role_id = "AROAEXAMPLE",
                         .name = "i-1",
                         .secret_access_key = material("needle-in-the-other-secret"),
                         .session_token = "needle-in-the-token"};
    ASSERT_TRUE(iam.add_fixed_session(session).has_value());
  }
  const auto file = read_file(folder / kDatabase, /*max_size=*/1 << 20);
  ASSERT_TRUE(file.has_value());
  EXPECT_NE(as_text(*file).find("AKIAEXAMPLE"), std::string_view::npos);
  EXPECT_EQ(as_text(*file).find("needle"), std::string_view::npos);
}

// Adds keys until it is killed; writes the number of each to `acknowledge` once the
// store has said that it is kept.
[[noreturn]] void add_keys_for_ever(const std::filesystem::path& path, int acknowledge,
                                    int first_key) {
  auto store = Store::open(path, master_key());
  if (!store) _exit(1);
  for (int i = first_key;; ++i) {
    const std::string id = std::to_string(i);
    if (!KeyStore(*store).add_key(key_record(id), material(id))) _exit(2);
    if (write(acknowledge, &i, sizeof i) != sizeof i) _exit(3);
  }
}

// Runs the writer until it has acknowledged `count` keys and a little longer, kills it, and
// returns the last key it acknowledged.
int kill_writer_after(const std::filesystem::path& path, int first_key, int count,
                      unsigned delay_microseconds) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) add_keys_for_ever(path, ends[1], first_key);
  close(ends[1]);
  int last = first_key - 1;
  for (int i = 0; i < count; ++i) {
    if (read(ends[0], &last, sizeof last) != sizeof last) break;
  }
  usleep(delay_microseconds);
  kill(child, SIGKILL);
  int ended = 0;
  waitpid(child, &ended, 0);
  EXPECT_TRUE(WIFSIGNALED(ended)) << "the writer failed with " << WEXITSTATUS(ended);
  while (read(ends[0], &last, sizeof last) == sizeof last) continue;
  close(ends[0]);
  return last;
}

TEST(StoreTest, AnAcknowledgedWriteSurvivesKillNine) {
  const TestFolder folder;
  std::minstd_rand random(2);
  int last = 0;
  for (int round = 0; round < 12; ++round) {
    last = kill_writer_after(folder / kDatabase, last + 2, 1 + static_cast<int>(random() % 8),
                             static_cast<unsigned>(random() % 3000));
    auto store = Store::open(folder / kDatabase, master_key());
    ASSERT_TRUE(store.has_value()) << store.error().detail;
    const auto kept = KeyStore(*store).material(std::to_string(last), 0);
    ASSERT_TRUE(kept.has_value()) << "key " << last << " of round " << round << " is lost";
    EXPECT_EQ(*kept, material(std::to_string(last)));
  }
}

}  // namespace
}  // namespace cofferdam::cloud
