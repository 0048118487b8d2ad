// SPDX-License-Identifier: Apache-2.0
#include "policy/condition.h"

#include <gtest/gtest.h>

namespace cofferdam::policy {
namespace {

using Values = std::vector<std::string>;

Condition condition(std::string_view op, std::string_view key, Values values) {
  const auto parsed = parse_operator(op);
  EXPECT_TRUE(parsed.has_value()) << op;
  return {.operator_name = std::string(op),
          .op = parsed.value_or(Operator{}),
          .key = std::string(key),
          .values = std::move(values)};
}

// Whether `op` holds for `key` = `have` (absent when empty) against `want`.
bool holds_for(std::string_view op, const Values& have, const Values& want) {
  RequestContext context;
  context.set_all("test:Key", have);
  context.set("aws:username", "alice");
  context.set("aws:userid", "A*B");
  context.set_all("aws:TagKeys", {"one", "two"});
  return holds(condition(op, "test:key", want), context, ConditionRules{});
}

struct Row {
  std::string_view op;
  Values have;
  Values want;
  bool expected;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const auto& [op, have, want, expected] : rows) {
    EXPECT_EQ(holds_for(op, have, want), expected)
        << op << " " << testing::PrintToString(have) << " against " << testing::PrintToString(want);
  }
}

TEST(ConditionTest, StringOperators) {
  expect_rows({
      {"StringEquals", {"a"}, {"a"}, true},
      {"StringEquals", {"a"}, {"A"}, false},
      {"StringEquals", {"a"}, {"b", "a"}, true},
      {"StringEquals", {"ab"}, {"a*"}, false},
      {"StringNotEquals", {"a"}, {"a"}, false},
      {"StringNotEquals", {"a"}, {"b", "a"}, false},
      {"StringNotEquals", {"a"}, {"b", "c"}, true},
      {"StringEqualsIgnoreCase", {"AbC"}, {"aBc"}, true},
      {"StringEqualsIgnoreCase", {"AbC"}, {"aB*"}, false},
      {"StringNotEqualsIgnoreCase", {"AbC"}, {"aBc"}, false},
      {"StringNotEqualsIgnoreCase", {"AbC"}, {"x"}, true},
      {"stringequals", {"a"}, {"a"}, true},
  });
}

TEST(ConditionTest, StringLikeWildcards) {
  expect_rows({
      {"StringLike", {"abc"}, {"a*"}, true},
      {"StringLike", {"abc"}, {"*c"}, true},
      {"StringLike", {"abc"}, {"*"}, true},
      {"StringLike", {""}, {"*"}, true},
      {"StringLike", {""}, {"?"}, false},
      {"StringLike", {"abc"}, {"a?c"}, true},
      {"StringLike", {"abc"}, {"a?"}, false},
      {"StringLike", {"abc"}, {"A*"}, false},
      {"StringLike", {"aXbXc"}, {"a*X*c"}, true},
      {"StringLike", {"aXbXd"}, {"a*X*c"}, false},
      {"StringLike", {"a\xc3\xa9z"}, {"a?z"}, true},
      {"StringLike", {"a*c"}, {"a${*}c"}, true},
      {"StringLike", {"abc"}, {"a${*}c"}, false},
      {"StringLike", {"a?"}, {"a${?}"}, true},
      {"StringLike", {"ab"}, {"a${?}"}, false},
      {"StringLike", {"$x"}, {"${$}x"}, true},
      {"StringNotLike", {"abc"}, {"a*"}, false},
      {"StringNotLike", {"abc"}, {"b*"}, true},
  });
}

TEST(ConditionTest, ManyStarsTakeNoExponentialTime) {
  const std::string text(4000, 'a');
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(holds_for("StringLike", {text}, {pattern + "*b"}));
}

TEST(ConditionTest, VariablesStandForTheRequestsValues) {
  expect_rows({
      {"StringEquals", {"alice"}, {"${aws:username}"}, true},
      {"StringEquals", {"alice"}, {"${AWS:UserName}"}, true},
      {"StringEquals", {"bob"}, {"${aws:username}"}, false},
      {"StringEqualsIgnoreCase", {"ALICE"}, {"${aws:username}"}, true},
      {"StringLike", {"home/alice/x"}, {"home/${aws:username}/*"}, true},
      {"StringLike", {"AxB"}, {"${aws:userid}"}, false},  // A wildcard from a value is literal.
      {"StringLike", {"A*B"}, {"${aws:userid}"}, true},
      {"StringEquals", {"x"}, {"${aws:missing, 'x'}"}, true},
      {"StringEquals", {"alice"}, {"${aws:username, 'x'}"}, true},
      {"StringEquals", {""}, {"${aws:missing}"}, false},
      {"StringNotEquals", {"x"}, {"${aws:missing}"}, true},
      {"StringEquals", {"x"}, {"${aws:missing, x}"}, false},  // The default lacks its quotes.
      {"StringEquals", {"one"}, {"${aws:TagKeys}"}, false},   // Multivalued keys are no variables.
      {"StringEquals", {"${aws:username"}, {"${aws:username"}, true},
  });
}

TEST(ConditionTest, OlderLanguageHasNoVariables) {
  RequestContext context;
  context.set("test:key", "${aws:username}");
  context.set("aws:username", "alice");
  const auto literal = condition("StringEquals", "test:key", {"${aws:username}"});
  EXPECT_TRUE(holds(literal, context, {.variables = false, .holds_on_several_values = false}));
  EXPECT_FALSE(holds(literal, context, ConditionRules{}));
}

TEST(ConditionTest, NumericOperators) {
  expect_rows({
      {"NumericEquals", {"10"}, {"10.0"}, true},
      {"NumericEquals", {"10"}, {"11", "10"}, true},
      {"NumericNotEquals", {"10"}, {"10"}, false},
      {"NumericNotEquals", {"10"}, {"11"}, true},
      {"NumericLessThan", {"9"}, {"10"}, true},
      {"NumericLessThan", {"10"}, {"10"}, false},
      {"NumericLessThanEquals", {"10"}, {"10"}, true},
      {"NumericGreaterThan", {"10"}, {"9"}, true},
      {"NumericGreaterThan", {"10"}, {"10"}, false},
      {"NumericGreaterThanEquals", {"10"}, {"10"}, true},
      {"NumericEquals", {"ten"}, {"10"}, false},
      {"NumericNotEquals", {"ten"}, {"10"}, true},
      {"NumericLessThan", {"-1"}, {"0"}, true},
  });
}

TEST(ConditionTest, DateOperators) {
  expect_rows({
      {"DateEquals", {"2026-01-31T09:05:00Z"}, {"2026-01-31T10:05:00+01:00"}, true},
      {"DateEquals", {"2026-01-31T00:00:00Z"}, {"2026-01-31"}, true},
      {"DateEquals", {"2026-01-31T09:05:00Z"}, {"2026-01-31T09:05Z"}, true},
      {"DateEquals", {"1769850300"}, {"2026-01-31T09:05:00Z"}, true},
      {"DateNotEquals", {"2026-01-31"}, {"2026-01-31"}, false},
      {"DateLessThan", {"2026-01-30"}, {"2026-01-31"}, true},
      {"DateLessThan", {"2026-01-31"}, {"2026-01-31"}, false},
      {"DateLessThanEquals", {"2026-01-31"}, {"2026-01-31"}, true},
      {"DateGreaterThan", {"2026-02-01"}, {"2026-01-31"}, true},
      {"DateGreaterThanEquals", {"2026-01-31"}, {"2026-01-31"}, true},
      {"DateGreaterThan", {"yesterday"}, {"2026-01-31"}, false},
  });
}

TEST(ConditionTest, BoolAndBinaryOperators) {
  expect_rows({
      {"Bool", {"true"}, {"true"}, true},
      {"Bool", {"true"}, {"TRUE"}, true},
      {"Bool", {"true"}, {"false"}, false},
      {"Bool", {"yes"}, {"true"}, false},
      {"BinaryEquals", {"QmluYXJ5"}, {"QmluYXJ5"}, true},
      {"BinaryEquals", {"QmluYXJ5"}, {"QmluYXJ4"}, false},
      {"BinaryEquals", {"not base64"}, {"QmluYXJ5"}, false},
  });
}

TEST(ConditionTest, IpAddressOperators) {
  expect_rows({
      {"IpAddress", {"203.0.113.7"}, {"203.0.113.0/24"}, true},
      {"IpAddress", {"203.0.114.7"}, {"203.0.113.0/24"}, false},
      {"IpAddress", {"203.0.113.7"}, {"203.0.113.7"}, true},
      {"IpAddress", {"203.0.113.7"}, {"0.0.0.0/0"}, true},
      {"IpAddress", {"203.0.113.7"}, {"203.0.113.6/31"}, true},
      {"IpAddress", {"203.0.113.8"}, {"203.0.113.6/31"}, false},
      {"IpAddress", {"2001:db8::1"}, {"2001:DB8::/32"}, true},
      {"IpAddress", {"2001:db9::1"}, {"2001:db8::/32"}, false},
      {"IpAddress", {"2001:db8::1"}, {"0.0.0.0/0"}, false},
      {"NotIpAddress", {"203.0.113.7"}, {"203.0.113.0/24"}, false},
      {"NotIpAddress", {"198.51.100.1"}, {"203.0.113.0/24"}, true},
  });
}

TEST(ConditionTest, ArnOperatorsMatchPartByPart) {
  const std::string key = "arn:aws:kms:us-east-1:111122223333:key/abc";
  expect_rows({
      {"ArnEquals", {key}, {key}, true},
      {"ArnEquals", {key}, {"arn:aws:kms:*:111122223333:key/*"}, true},
      {"ArnLike", {key}, {"arn:aws:kms:*:111122223333:key/*"}, true},
      {"ArnLike", {key}, {"arn:aws:kms:*:key/*"}, false},  // No wildcard crosses a colon.
      {"ArnLike", {key}, {"arn:aws:kms"}, true},           // Missing parts are wildcards.
      {"ArnLike", {key}, {"arn:aws:s3"}, false},
      {"ArnLike", {key}, {"*"}, true},
      {"ArnLike", {"not an arn"}, {"arn:*"}, false},
      {"ArnLike", {"arn:aws:sns:r:a:t:sub"}, {"arn:aws:sns:r:a:t*"}, true},
      {"ArnNotEquals", {key}, {key}, false},
      {"ArnNotLike", {key}, {"arn:aws:s3:*"}, true},
  });
}

TEST(ConditionTest, AbsentKeyFailsPlainAndSatisfiesNegatedAndIfExists) {
  for (const auto* op :
       {"StringEquals", "StringLike", "StringEqualsIgnoreCase", "NumericEquals", "NumericLessThan",
        "DateGreaterThan", "Bool", "BinaryEquals", "IpAddress", "ArnLike", "ArnEquals"}) {
    EXPECT_FALSE(holds_for(op, {}, {"1"})) << op;
    EXPECT_TRUE(holds_for(std::string(op) + "IfExists", {}, {"1"})) << op;
  }
  for (const auto* op :
       {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals",
        "DateNotEquals", "NotIpAddress", "ArnNotEquals", "ArnNotLike"}) {
    EXPECT_TRUE(holds_for(op, {}, {"1"})) << op;
    EXPECT_TRUE(holds_for(std::string(op) + "IfExists", {}, {"1"})) << op;
  }
}

TEST(ConditionTest, IfExistsComparesAKeyThatIsThere) {
  expect_rows({
      {"StringEqualsIfExists", {"a"}, {"a"}, true},
      {"StringEqualsIfExists", {"b"}, {"a"}, false},
      {"StringNotEqualsIfExists", {"a"}, {"a"}, false},
  });
}

TEST(ConditionTest, NullTellsWhetherTheKeyIsAbsent) {
  expect_rows({
      {"Null", {}, {"true"}, true},
      {"Null", {}, {"false"}, false},
      {"Null", {"x"}, {"true"}, false},
      {"Null", {"x"}, {"false"}, true},
      {"Null", {"x"}, {"true", "false"}, true},
  });
}

TEST(ConditionTest, SetOperatorsQuantifyOverTheRequestsValues) {
  expect_rows({
      {"ForAnyValue:StringEquals", {"a", "b"}, {"b", "c"}, true},
      {"ForAnyValue:StringEquals", {"a"}, {"b"}, false},
      {"ForAnyValue:StringEquals", {}, {"b"}, false},
      {"ForAnyValue:StringEqualsIfExists", {}, {"b"}, false},
      {"ForAnyValue:StringNotEquals", {"a", "b"}, {"b"}, true},
      {"ForAnyValue:StringNotEquals", {"b"}, {"b"}, false},
      {"ForAnyValue:StringNotEquals", {}, {"b"}, false},
      {"ForAllValues:StringEquals", {"a", "b"}, {"a", "b", "c"}, true},
      {"ForAllValues:StringEquals", {"a", "d"}, {"a", "b", "c"}, false},
      {"ForAllValues:StringEquals", {}, {"a"}, true},
      {"ForAllValues:StringNotEquals", {"a", "b"}, {"c"}, true},
      {"ForAllValues:StringNotEquals", {"a", "c"}, {"c"}, false},
      {"forallvalues:stringlike", {"ab", "ac"}, {"a*"}, true},
  });
}

TEST(ConditionTest, PlainOperatorOnSeveralValuesDoesAsItIsTold) {
  RequestContext context;
  context.set_all("test:key", {"a", "b"});
  const ConditionRules closed{.variables = true, .holds_on_several_values = true};
  for (const auto* op : {"StringEquals", "StringNotEquals", "StringEqualsIfExists"}) {
    EXPECT_FALSE(holds(condition(op, "test:key", {"a"}), context, ConditionRules{})) << op;
    EXPECT_TRUE(holds(condition(op, "test:key", {"a"}), context, closed)) << op;
  }
}

TEST(ConditionTest, UnknownOperatorsAreRefused) {
  for (const auto* name :
       {"", "StringMatches", "StringEqual", "ForSomeValue:StringEquals", "ForAnyValue:", "IfExists",
        "NullIfExists", "ForAnyValue:Null", "ForAnyValue:ForAllValues:StringEquals",
        "StringEqualsIfExistsIfExists", "BoolNot", "StringEquals "}) {
    EXPECT_FALSE(parse_operator(name).has_value()) << name;
  }
}

TEST(ConditionTest, ValuesMustSuitTheOperator) {
  const std::vector<std::pair<std::string_view, std::string>> bad = {
      {"NumericEquals", "ten"},
      {"NumericEquals", ""},
      {"NumericEquals", "inf"},
      {"DateEquals", "soon"},
      {"DateEquals", "2026-02-30"},
      {"Bool", "yes"},
      {"Null", "1"},
      {"BinaryEquals", "%%"},
      {"IpAddress", "10.0.0.0/33"},
      {"IpAddress", "10.0.0"},
      {"IpAddress", "10.0.0.0/"},
      {"IpAddress", "10.0.0.0/8x"},
      {"IpAddress", "2001:db8::/129"},
      {"ArnEquals", "alice"},
  };
  for (const auto& [op, value] : bad) {
    EXPECT_FALSE(check_values(condition(op, "a:b", {value})).has_value()) << op << " " << value;
  }
  EXPECT_TRUE(check_values(condition("StringEquals", "a:b", {"anything"})).has_value());
}

}  // namespace
}  // namespace cofferdam::policy
