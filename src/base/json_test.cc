// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/json_secrets.h"

namespace cofferdam {
namespace {

Result<json::value> parse(std::string_view text) { return parse_json(text, /*max_size=*/1 << 16); }

json::object object(std::string_view text) { return parse(text).value().as_object(); }

TEST(JsonTest, ReadsEveryKindOfValue) {
  const json::object value = object(
      R"({"s":"\u00e9\n","i":-3,"u":18446744073709551615,"d":1.5,"t":true,"n":null,"a":[]})");
  EXPECT_EQ(value.at("s").as_string(), "\xc3\xa9\n");
  EXPECT_EQ(value.at("i").as_int64(), -3);
  EXPECT_EQ(value.at("u").as_uint64(), 18446744073709551615U);
  EXPECT_TRUE(value.at("n").is_null());
  EXPECT_TRUE(parse(" [1, 2] ").has_value());
  EXPECT_TRUE(parse("3").has_value());
}

TEST(JsonTest, RefusesAMemberThatOccursTwice) {
  EXPECT_FALSE(parse(R"({"a":1,"a":1})").has_value());
  EXPECT_FALSE(parse(R"({"a":1,"\u0061":2})").has_value()) << "the same name in another spelling";
  EXPECT_FALSE(parse(R"({"b":{"a":1,"a":2}})").has_value());
  EXPECT_FALSE(parse(R"({"":1,"":2})").has_value());
  const std::string name(5000, 'k');  // Longer than the parser's buffer: comes in parts.
  EXPECT_FALSE(parse("{\"" + name + "\":1,\"" + name + "\":2}").has_value());
  EXPECT_TRUE(parse("{\"" + name + "\":1,\"" + name + "x\":2}").has_value());
  EXPECT_TRUE(parse(R"({"a":{"a":1},"b":{"a":2},"c":[{"a":1},{"a":1}]})").has_value());
}

TEST(JsonTest, RefusesWhatIsNotOneJsonText) {
  for (const std::string_view bad :
       {"",       " ",        "{",       "[1,]", "{\"a\":1,}", "{'a':1}",          "{\"a\":1}x",
        "{} {}",  "01",       "+1",      "nul",  "\"\xff\"",   "\"\xed\xa0\x80\"", "\"\\ud800\"",
        "\"\n\"", "// c\n{}", "{} // c", "NaN",  "Infinity",   "\xef\xbb\xbf{}",   "[1"}) {
    EXPECT_FALSE(parse(bad).has_value()) << bad;
  }
  EXPECT_FALSE(parse(std::string_view("{}\0", 3)).has_value());
}

TEST(JsonTest, EveryProperPrefixIsRefused) {
  const std::string_view text = R"({"a":[1,{"b":"c\u00e9"}],"d":null})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse(text.substr(0, size)).has_value()) << size;
  }
}

TEST(JsonTest, LimitsSizeAndDepth) {
  EXPECT_TRUE(parse_json("[1]", 3).has_value());
  EXPECT_FALSE(parse_json("[1]", 2).has_value());
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(32), 1 << 16).has_value());
  EXPECT_FALSE(parse_json(nested(33), 1 << 16).has_value());
  EXPECT_FALSE(parse_json(nested(30'000), 1 << 16).has_value());
  EXPECT_FALSE(parse_json(nested(3), 1 << 16, 2).has_value());
}

TEST(JsonTest, TypedMembersTellAbsentFromWrong) {
  const json::object value =
      object(R"({"s":"x","i":7,"b":false,"n":null,"big":9223372036854775808})");
  EXPECT_EQ(required_string(value, "s").value(), "x");
  EXPECT_EQ(required_string(value, "none").error().code, Errc::invalid_input);
  EXPECT_EQ(required_string(value, "i").error().code, Errc::invalid_input);
  EXPECT_EQ(optional_string(value, "n").value(), std::nullopt);
  EXPECT_EQ(optional_string(value, "none").value(), std::nullopt);
  EXPECT_FALSE(optional_string(value, "b").has_value());
  EXPECT_EQ(optional_integer(value, "i").value(), 7);
  EXPECT_FALSE(optional_integer(value, "s").has_value());
  EXPECT_FALSE(optional_integer(value, "big").has_value());
  EXPECT_EQ(optional_bool(value, "b").value(), false);
  EXPECT_FALSE(optional_bool(value, "i").has_value());
}

TEST(JsonTest, PrintsForPeople) {
  EXPECT_EQ(pretty_json(object(R"({"a":[1,{}],"b":{"c":"\""},"d":[]})")),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": \"\\\"\"\n  },\n"
            "  \"d\": []\n}\n");
}

TEST(JsonSecretsTest, ANamedTextIsOutsideTheValue) {
  constexpr std::array<std::string_view, 2> kNames{"Plaintext", "Message"};
  const auto parsed = parse_json_with_secrets(
      R"({"KeyId":"k","Plaintext":"aHVudGVyMg==","Message":7,"Inner":{"Plaintext":"seen"}})", 1024,
      kNames);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  const json::object& value = parsed->value.as_object();
  EXPECT_EQ(value.at("KeyId"), "k");
  EXPECT_TRUE(value.at("Plaintext").is_null());
  EXPECT_EQ(value.at("Message"), 7);
  EXPECT_EQ(value.at("Inner").at("Plaintext"), "seen");
  ASSERT_EQ(parsed->secrets.size(), 1U);
  EXPECT_EQ(as_text(parsed->secrets.at("Plaintext").reveal()), "aHVudGVyMg==");
}

TEST(JsonSecretsTest, EscapesAndLongTextsArriveWhole) {
  constexpr std::array<std::string_view, 1> kNames{"Plaintext"};
  const std::string text(10'000, 'x');
  const auto parsed =
      parse_json_with_secrets(R"({"Plaintext":"a\/)" + text + R"(\nb"})", 1 << 20, kNames);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  EXPECT_EQ(as_text(parsed->secrets.at("Plaintext").reveal()), "a/" + text + "\nb");
}

TEST(JsonSecretsTest, IsAsStrictAsWithoutSecrets) {
  constexpr std::array<std::string_view, 1> kNames{"a"};
  for (const std::string_view bad : {R"({"a":"x","a":"y"})",
                                     R"({"a":"x"} )"
                                     "x",
                                     R"({"a":"x)"}) {
    EXPECT_FALSE(parse_json_with_secrets(bad, 1024, kNames).has_value()) << bad;
  }
  const auto arrays = parse_json_with_secrets(R"({"a":["x"]})", 1024, kNames);
  ASSERT_TRUE(arrays.has_value());
  EXPECT_TRUE(arrays->secrets.empty());
  EXPECT_EQ(arrays->value.at("a").at(0), "x");
}

}  // namespace
}  // namespace cofferdam
