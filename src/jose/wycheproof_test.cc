// SPDX-License-Identifier: Apache-2.0
// Project Wycheproof's tokens: what attackers try against readers of JSON web signatures.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <set>

#include "crypto/test_support.h"
#include "jose/jws.h"

namespace cofferdam::jose {
namespace {

using crypto::test::vectors_folder;

json::value load(const char* name) {
  const auto text = read_text_file(vectors_folder() / "wycheproof" / name, 1 << 25);
  return text ? parse_json(*text, 1 << 25).value() : json::value();
}

// A key of the file as a set, or the set it is.
std::string key_set(const json::value& keys) {
  if (keys.as_object().contains("keys")) return json::serialize(keys);
  return json::serialize(json::object{{"keys", json::array{keys}}});
}

bool accepted(const json::value& keys, std::string_view token) {
  const auto set = KeySet::parse(key_set(keys));
  const auto jws = parse_jws(token);
  return set && jws && verify_jws(*jws, *set);
}

// Valid, and yet not for us: HMACs are not read here, and RFC 7520's examples carry an
// algorithm in the key that is not the token's ("ES521" does not even exist).
bool out_of_scope(const json::value& group, const std::string& comment) {
  static const std::set<std::string> kOtherAlgorithm{"Figure20", "Figure27"};
  return !group.as_object().contains("public") || kOtherAlgorithm.contains(comment);
}

void check_file(const char* name, int least_valid) {
  const json::value file = load(name);
  if (file.is_null()) GTEST_SKIP() << "no vectors";
  int valid = 0;
  for (const json::value& group : file.at("testGroups").as_array()) {
    const auto& object = group.as_object();
    const json::value& keys = object.at(object.contains("public") ? "public" : "private");
    for (const json::value& test : group.at("tests").as_array()) {
      const std::string comment(test.at("comment").as_string());
      const bool expected =
          test.at("result").as_string() == "valid" && !out_of_scope(group, comment);
      valid += expected ? 1 : 0;
      EXPECT_EQ(accepted(keys, test.at("jws").as_string()), expected)
          << name << " test " << test.at("tcId") << ": " << comment;
    }
  }
  EXPECT_GE(valid, least_valid);
}

TEST(WycheproofTest, Signatures) { check_file("json_web_signature_test.json", 20); }
TEST(WycheproofTest, Keys) { check_file("json_web_key_test.json", 1); }

}  // namespace
}  // namespace cofferdam::jose
