// SPDX-License-Identifier: Apache-2.0
#include "ledger/canonical.h"

#include <gtest/gtest.h>

namespace cofferdam::ledger {
namespace {

std::string canonical(std::string_view text) {
  const auto out = canonical_json(parse_json(text, 4096).value());
  return out ? *out : "refused: " + out.error().detail;
}

TEST(CanonicalJsonTest, MembersAreSortedAndWhiteSpaceIsGone) {
  EXPECT_EQ(canonical(R"( {"b" : [ 1 , true ], "a": {"10": null, "1": -7, "2": false} } )"),
            R"({"a":{"1":-7,"10":null,"2":false},"b":[1,true]})");
  EXPECT_EQ(canonical(R"({"a":{},"b":[]})"), R"({"a":{},"b":[]})");
}

// RFC 8785 section 3.2.2.2.
TEST(CanonicalJsonTest, TextHasOnlyTheEscapesItNeeds) {
  EXPECT_EQ(canonical(R"("\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/")"),
            "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
  EXPECT_EQ(canonical("\"\\b\\t\\n\\f\\r\\u007f\""), "\"\\b\\t\\n\\f\\r\x7f\"");
}

TEST(CanonicalJsonTest, RefusesWhatTwoProgramsMightWriteDifferently) {
  EXPECT_EQ(canonical("9007199254740991"), "9007199254740991");
  EXPECT_EQ(canonical("-9007199254740991"), "-9007199254740991");
  for (const char* const text : {"9007199254740992", "-9007199254740992", "18446744073709551615",
                                 "1.5", "1e3", "-0.0", R"({"é":1})"}) {
    EXPECT_TRUE(canonical(text).starts_with("refused: no canonical JSON")) << text;
  }
  EXPECT_FALSE(canonical_json(json::value("\xff")).has_value());
}

}  // namespace
}  // namespace cofferdam::ledger
