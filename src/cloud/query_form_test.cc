// SPDX-License-Identifier: Apache-2.0
#include "cloud/query_form.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

TEST(QueryFormTest, ReadsNamesAndValues) {
  const auto form = parse_query_form("Action=GetCallerIdentity&a%20b=c%2Bd+e&empty=&bare");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(
      *form,
      (QueryForm{{"Action", "GetCallerIdentity"}, {"a b", "c+d e"}, {"bare", ""}, {"empty", ""}}));
}

TEST(QueryFormTest, WhatItWritesItReads) {
  const QueryForm form{{"a=b&c", "100% \xc3\xa9\n+"}, {"", "x"}};
  EXPECT_EQ(*parse_query_form(to_text(form)), form);
}

TEST(QueryFormTest, RefusesBrokenEscapesDuplicatesAndInvalidText) {
  for (const std::string_view text :
       {"a=%", "a=%2", "a=%zz", "%=1", "a=1&a=2", "a=1&%61=2", "a=%ff", "a=%c3"}) {
    EXPECT_FALSE(parse_query_form(text).has_value()) << text;
  }
}

TEST(QueryFormTest, IsBounded) {
  EXPECT_FALSE(parse_query_form(std::string(65'537, 'a')).has_value());
  std::string many;
  for (int i = 0; i < 257; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_FALSE(parse_query_form(many).has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
