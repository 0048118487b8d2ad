// SPDX-License-Identifier: Apache-2.0
#include "broker/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json/serialize.hpp>
#include <set>

#include "base/test_folder.h"
#include "broker/claims.h"
#include "jose/jws.h"

namespace cofferdam::broker {
namespace {

using Algorithm = SigningKeys::Algorithm;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp kNow{seconds(1769860800)};
constexpr KeySchedule kSchedule{.period = hours(24), .ahead = hours(2), .after = minutes(20)};

class SigningKeysTest : public ::testing::Test {
 protected:
  SigningKeys open(Timestamp now = kNow) const {
    return SigningKeys::open(folder_.path("keys"), kSchedule, now).value();
  }
  static std::string token(const SigningKeys& keys, Timestamp now,
                           Algorithm algorithm = Algorithm::es256) {
    return keys.sign(algorithm, {{"sub", "x"}}, now).value();
  }
  static std::string key_id(const std::string& token) {
    return jose::parse_jws(token).value().key_id.value();
  }
  static bool verifies(const SigningKeys& keys, const std::string& token) {
    const auto set = jose::KeySet::parse(json::serialize(keys.published())).value();
    return jose::verify_jws(jose::parse_jws(token).value(), set).has_value();
  }
  static std::size_t published(const SigningKeys& keys) {
    return keys.published().at("keys").as_array().size();
  }

  TestFolder folder_;
};

TEST_F(SigningKeysTest, TheFirstKeysSignAtOnce) {
  const SigningKeys keys = open();
  EXPECT_EQ(published(keys), 2U);
  EXPECT_TRUE(verifies(keys, token(keys, kNow)));
  EXPECT_TRUE(verifies(keys, token(keys, kNow, Algorithm::rs256)));
}

TEST_F(SigningKeysTest, KeysOutliveTheProcess) {
  std::string before;
  {
    const SigningKeys keys = open();
    before = token(keys, kNow);
  }
  const SigningKeys keys = open(kNow + seconds(1));
  EXPECT_TRUE(verifies(keys, before));
  EXPECT_EQ(key_id(token(keys, kNow)), key_id(before));
}

TEST_F(SigningKeysTest, FilesAreForTheBrokerAlone) {
  const SigningKeys keys = open();
  for (const std::string& name :
       {std::string("."), std::string("keys.json"), key_id(token(keys, kNow)) + ".key"}) {
    struct stat found{};
    ASSERT_EQ(stat((folder_.path("keys") / name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 077U, 0U) << name;
  }
}

TEST_F(SigningKeysTest, PrivateKeysAreNotPublished) {
  const SigningKeys keys = open();
  for (const json::value& key : keys.published().at("keys").as_array()) {
    for (const char* const name : {"d", "p", "q", "dp", "dq", "qi", "k"}) {
      EXPECT_FALSE(key.as_object().contains(name)) << name;
    }
    EXPECT_EQ(key.at("use"), "sig");
  }
}

TEST_F(SigningKeysTest, ASuccessorIsPublishedBeforeItSigns) {
  SigningKeys keys = open();
  const std::string first = token(keys, kNow);
  const Timestamp due = kNow + kSchedule.period;
  ASSERT_TRUE(keys.tick(due - kSchedule.ahead - seconds(1)).has_value());
  EXPECT_EQ(published(keys), 2U);
  ASSERT_TRUE(keys.tick(due - kSchedule.ahead).has_value());
  EXPECT_EQ(published(keys), 4U);
  EXPECT_EQ(key_id(token(keys, due - seconds(1))), key_id(first));
  EXPECT_NE(key_id(token(keys, due)), key_id(first));
}

TEST_F(SigningKeysTest, NoTokenOutlivesItsKey) {
  SigningKeys keys = open();
  const Timestamp due = kNow + kSchedule.period;
  ASSERT_TRUE(keys.tick(due - kSchedule.ahead).has_value());
  const Timestamp last_moment = due - std::chrono::milliseconds(1);
  const std::string last = token(keys, last_moment);
  const Timestamp expiry = last_moment + kMaxTokenLifetime;
  for (Timestamp now = due; now <= expiry + seconds(60); now += seconds(30)) {
    ASSERT_TRUE(keys.tick(now).has_value());
    ASSERT_TRUE(verifies(keys, last)) << (now - due).count();
  }
  ASSERT_TRUE(keys.tick(due + kSchedule.after).has_value());
  EXPECT_FALSE(verifies(keys, last));
  EXPECT_EQ(published(keys), 2U);
  // Two keys and their list.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path("keys")), {}), 3);
}

TEST_F(SigningKeysTest, ARotationInFlightLeavesEveryTokenVerifiable) {
  SigningKeys keys = open();
  ASSERT_TRUE(keys.rotate(kNow).has_value());
  std::set<std::string> ids;
  for (Timestamp now = kNow; now < kNow + hours(4); now += minutes(7)) {
    // A verifier fetched the keys some time ago, within the time that it may keep them.
    const json::object fetched = keys.published();
    const Timestamp later = now + hours(1);
    ASSERT_TRUE(keys.tick(now).has_value());
    const std::string signed_later = token(keys, std::min(later, kNow + hours(4)));
    const auto set = jose::KeySet::parse(json::serialize(fetched)).value();
    EXPECT_TRUE(jose::verify_jws(jose::parse_jws(signed_later).value(), set).has_value());
    ids.insert(key_id(signed_later));
  }
  EXPECT_EQ(ids.size(), 2U);
}

TEST_F(SigningKeysTest, ASecondRotationWaitsForTheFirst) {
  SigningKeys keys = open();
  ASSERT_TRUE(keys.rotate(kNow).has_value());
  ASSERT_TRUE(keys.rotate(kNow + seconds(1)).has_value());
  EXPECT_EQ(published(keys), 4U);
}

TEST_F(SigningKeysTest, AnAnnouncedKeySurvivesARestart) {
  std::string next;
  {
    SigningKeys keys = open();
    ASSERT_TRUE(keys.rotate(kNow).has_value());
    next = key_id(token(keys, kNow + kSchedule.ahead));
  }
  const SigningKeys keys = open(kNow + seconds(1));
  EXPECT_NE(key_id(token(keys, kNow + seconds(1))), next);
  EXPECT_EQ(key_id(token(keys, kNow + kSchedule.ahead)), next);
}

TEST_F(SigningKeysTest, OneProcessHasTheFolder) {
  const SigningKeys keys = open();
  const auto second = SigningKeys::open(folder_.path("keys"), kSchedule, kNow);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
}

TEST_F(SigningKeysTest, AFolderThatWasTamperedWithIsRefused) {
  std::string id;
  {
    const SigningKeys keys = open();
    id = key_id(token(keys, kNow));
  }
  const auto other = crypto::KeyPair::generate(crypto::KeyKind::p256).value();
  ASSERT_TRUE(
      write_file_atomic(folder_.path("keys") / (id + ".key"), other.to_pkcs8().reveal(), 0600)
          .has_value());
  const auto opened = SigningKeys::open(folder_.path("keys"), kSchedule, kNow);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::invalid_input);
  std::filesystem::remove(folder_.path("keys") / (id + ".key"));
  EXPECT_FALSE(SigningKeys::open(folder_.path("keys"), kSchedule, kNow).has_value());
}

TEST_F(SigningKeysTest, AKeyThatNoListNamesIsRemoved) {
  {
    const SigningKeys keys = open();
  }
  const auto stray = folder_.path("keys") / "stray.key";
  ASSERT_TRUE(write_file_atomic(stray, Bytes{1}, 0600).has_value());
  const SigningKeys keys = open();
  EXPECT_FALSE(std::filesystem::exists(stray));
}

}  // namespace
}  // namespace cofferdam::broker
