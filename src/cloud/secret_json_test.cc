// SPDX-License-Identifier: Apache-2.0
#include "cloud/secret_json.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

Secret secret(std::string_view text) { return Secret::copy_of(as_bytes(text)); }

std::string written(SecretJson& json) {
  const Secret out = std::move(json).take();
  return std::string(as_text(out.reveal()));
}

TEST(SecretJsonTest, WritesTextThatParsesBack) {
  std::string every;
  for (char c = 0; c < 0x7f; ++c) every += c;
  every += "\xc3\xa9";
  SecretJson json;
  json.text(secret(every));
  const auto value = parse_json(written(json), /*max_size=*/4096);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->as_string(), every);
}

TEST(SecretJsonTest, PutsASecretIntoAnObject) {
  SecretJson json;
  json.object_with({{"a", 1}}, "s").text(secret("x\"y")).raw("}");
  EXPECT_EQ(written(json), R"({"a":1,"s":"x\u0022y"})");
  SecretJson alone;
  alone.object_with({}, "s").base64(secret("hi")).raw("}");
  EXPECT_EQ(written(alone), R"({"s":"aGk="})");
}

TEST(SecretJsonTest, GrowsAsFarAsItMust) {
  SecretJson json;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    json.raw("0123456789");
    expected += "0123456789";
  }
  EXPECT_EQ(written(json), expected);
}

}  // namespace
}  // namespace cofferdam::cloud
