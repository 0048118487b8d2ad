// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <gtest/gtest.h>

namespace cofferdam {
namespace {

TEST(PrintableTest, KeepsPlainTextAndEscapesTheRest) {
  EXPECT_EQ(printable("usr/bin/my app~"), "usr/bin/my app~");
  EXPECT_EQ(printable("a\nb\x1b[2J\\\xc3\xa9"), "a\\x0ab\\x1b[2J\\x5c\\xc3\\xa9");
}

TEST(PrintableTest, CutsLongText) {
  EXPECT_EQ(printable(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(printable(std::string(201, 'a')), std::string(200, 'a') + "...");
}

}  // namespace
}  // namespace cofferdam
