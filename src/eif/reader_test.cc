// SPDX-License-Identifier: Apache-2.0
#include "eif/reader.h"

#include <gtest/gtest.h>

namespace cofferdam::eif {
namespace {

TEST(ImageTest, RefusesAnEmptyFile) { EXPECT_EQ(Image::parse({}).error().reason, "malformed"); }

}  // namespace
}  // namespace cofferdam::eif
