// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam eif diff`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/test_folder.h"
#include "cli/test_run.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::HasSubstr;
using testing::IsEmpty;

class EifDiffCommandTest : public testing::Test {
 protected:
  EifDiffCommandTest() {
    std::vector<eif::test::Part> parts = eif::test::small_parts();
    folder_.write("a.eif", eif::test::assemble(parts));
    parts[1].data = "console=ttyS1";
    folder_.write("b.eif", eif::test::assemble(parts));
    folder_.write("none.eif", as_bytes("no image"));
  }

  Outcome diff(std::string_view a, std::string_view b, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"eif", "diff", folder_.path(a), folder_.path(b)});
    return test::run(add_eif, more);
  }

  TestFolder folder_;
};

TEST_F(EifDiffCommandTest, EqualImagesExitZeroAndDifferentOnesExitOne) {
  const Outcome equal = diff("a.eif", "a.eif");
  EXPECT_EQ(equal.exit, Exit::ok);
  EXPECT_EQ(equal.out, "The images are the same, byte for byte.\n");
  const Outcome different = diff("a.eif", "b.eif");
  EXPECT_EQ(different.exit, Exit::negative);
  EXPECT_THAT(different.out, HasSubstr("console=ttyS0 -> console=ttyS1"));
  EXPECT_THAT(different.out, HasSubstr("1 difference; PCR0, PCR1 move.\n"));
  EXPECT_THAT(different.err, IsEmpty());
}

TEST_F(EifDiffCommandTest, TheExitCodeAloneSaysItWhenAsked) {
  const Outcome quiet = diff("a.eif", "b.eif", {"--exit-code"});
  EXPECT_EQ(quiet.exit, Exit::negative);
  EXPECT_THAT(quiet.out, IsEmpty());
}

TEST_F(EifDiffCommandTest, JsonIsOneObject) {
  const json::object out = diff("a.eif", "b.eif", {"--json"}).json();
  EXPECT_EQ(out.at("equal"), false);
  EXPECT_EQ(out.at("pcrs").at("PCR2").at("equal"), true);
  EXPECT_EQ(diff("a.eif", "a.eif", {"--json"}).json().at("equal"), true);
}

TEST_F(EifDiffCommandTest, AFileThatIsNoImageIsTheEnvironmentsFault) {
  EXPECT_EQ(diff("a.eif", "none.eif").exit, Exit::environment);
  EXPECT_EQ(diff("absent.eif", "a.eif").exit, Exit::environment);
  EXPECT_EQ(test::run(add_eif, {"eif", "diff", folder_.path("a.eif")}).exit, Exit::usage);
}

}  // namespace
}  // namespace cofferdam::cli
