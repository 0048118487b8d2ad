// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam doctor`, on the machine that runs the tests: what it finds there is
// not judged, see doctor/doctor_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "cli/test_run.h"
#include "doctor/allocator.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::AnyOf;
using testing::HasSubstr;

class DoctorCommandTest : public testing::Test {
 protected:
  DoctorCommandTest() {
    folder_.write("small.eif", eif::test::assemble(eif::test::small_parts()));
    folder_.write("none.eif", as_bytes("no image"));
  }

  std::string path(std::string_view name) const { return folder_.path(name); }
  static Outcome doctor(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "doctor");
    return test::run(add_doctor, std::move(arguments));
  }

  TestFolder folder_;
};

TEST_F(DoctorCommandTest, TheExitCodeIsWhetherThereAreProblems) {
  for (const std::string role : {"parent", "laptop"}) {
    const Outcome outcome = doctor({"--role", role, "--json", path("small.eif")});
    const json::object report = outcome.json();
    EXPECT_EQ(report.at("role").as_string(), role);
    EXPECT_EQ(outcome.exit == Exit::ok, report.at("problems") == 0U);
    EXPECT_THAT(outcome.exit, AnyOf(Exit::ok, Exit::negative));
  }
}

TEST_F(DoctorCommandTest, TheTextEndsWithTheSum) {
  EXPECT_THAT(doctor({"--role", "laptop"}).out, HasSubstr(" skipped\n"));
}

TEST_F(DoctorCommandTest, ProposesAnAllocatorFileAndWritesOnlyWhereItIsTold) {
  const Outcome printed = doctor({"--fix-allocator", path("small.eif")});
  if (printed.exit == Exit::negative) GTEST_SKIP() << printed.err;  // Too small a machine.
  ASSERT_EQ(printed.exit, Exit::ok) << printed.err;
  EXPECT_TRUE(doctor::parse_allocator(printed.out).has_value());
  const Outcome written =
      doctor({"--fix-allocator", path("small.eif"), "--output", path("allocator.yaml")});
  EXPECT_EQ(written.exit, Exit::ok);
  EXPECT_EQ(read_text_file(path("allocator.yaml"), 4096).value(), printed.out);
  EXPECT_THAT(written.err, HasSubstr("sudo install"));
}

TEST_F(DoctorCommandTest, RefusesWhatItCannotLookAt) {
  EXPECT_EQ(doctor({path("none.eif")}).exit, Exit::environment);
  EXPECT_EQ(doctor({"--fix-allocator", path("absent.eif")}).exit, Exit::environment);
  EXPECT_EQ(doctor({"--role", "server"}).exit, Exit::usage);
  EXPECT_EQ(doctor({"--output", path("x")}).exit, Exit::usage);
  EXPECT_EQ(doctor({"--fix-allocator", path("small.eif"), path("small.eif")}).exit, Exit::usage);
}

}  // namespace
}  // namespace cofferdam::cli
