// SPDX-License-Identifier: Apache-2.0
#include "run/nitro_enclave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "base/test_folder.h"
#include "eif/report.h"
#include "run/limits.h"
#include "run/test_nitro.h"

namespace cofferdam::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class NitroEnclaveTest : public testing::Test {
 protected:
  NitroEnclaveTest() {
    request_.image = folder_.write("app.eif", eif::test::assemble(eif::test::small_parts()));
    request_.name = "app";
    request_.memory_mib = 512;
    request_.cpus = 2;
    measured_ = judge_image(request_, clock_).value();
    fake_.measurements(json::serialize(eif::measurements_json(measured_)));
  }

  TestFolder folder_;
  test::FakeNitro fake_;
  NitroCli nitro_{test::FakeNitro::program(), fake_.log()};
  NitroRequest request_;
  SystemClock clock_;
  eif::Measurements measured_;
};

TEST_F(NitroEnclaveTest, StartsWhatWasMeasured) {
  const auto enclave = launch_nitro(nitro_, request_, measured_);
  ASSERT_TRUE(enclave.has_value()) << enclave.error().detail;
  EXPECT_TRUE(fake_.running());
}

TEST_F(NitroEnclaveTest, TerminatesWhatIsNotTheImageThatWasChecked) {
  eif::Measurements other = measured_;
  other.pcr2[0] ^= 1;
  const auto enclave = launch_nitro(nitro_, request_, other);
  ASSERT_FALSE(enclave.has_value());
  EXPECT_EQ(enclave.error().code, Errc::unauthenticated);
  EXPECT_THAT(enclave.error().detail, HasSubstr("PCR2"));
  EXPECT_FALSE(fake_.running());
}

TEST_F(NitroEnclaveTest, TerminatesASignedOneInPlaceOfAnUnsigned) {
  json::object reported = eif::measurements_json(measured_);
  reported["PCR8"] = reported["PCR0"];
  fake_.measurements(json::serialize(reported));
  EXPECT_EQ(launch_nitro(nitro_, request_, measured_).error().reason, "pcr_mismatch");
  EXPECT_FALSE(fake_.running());
}

TEST_F(NitroEnclaveTest, SaysWhenTheEnclaveEndedAtOnce) {
  fake_.scenario("dies");
  EXPECT_THAT(launch_nitro(nitro_, request_, measured_).error().detail, HasSubstr("right after"));
}

TEST_F(NitroEnclaveTest, RefusesTooLittleMemoryBeforeAnythingStarts) {
  EXPECT_EQ(minimum_memory_mib(1), 1U);
  EXPECT_EQ(default_nitro_memory_mib(1), 512U);
  EXPECT_EQ(default_nitro_memory_mib(std::uint64_t{1} << 30), 4096U);
  request_.memory_mib = 0;
  EXPECT_EQ(judge_image(request_, clock_).error().reason, "insufficient_memory");
  EXPECT_EQ(fake_.arguments(), "");
}

TEST_F(NitroEnclaveTest, WatchesUntilASignalAndShowsTheConsole) {
  request_.debug_mode = true;
  const auto enclave = launch_nitro(nitro_, request_, measured_);
  ASSERT_TRUE(enclave.has_value());
  std::vector<std::string> lines;
  ConsoleLines console([&lines](std::string_view line) {
    lines.emplace_back(line);
    if (line.ends_with("ready\\x1b[0m")) kill(getpid(), SIGTERM);
  });
  const auto stopped = watch_nitro(nitro_, enclave->id, &console, std::chrono::milliseconds(100));
  ASSERT_TRUE(stopped.has_value()) << stopped.error().detail;
  EXPECT_TRUE(*stopped);
  EXPECT_FALSE(fake_.running());
  EXPECT_THAT(lines,
              ElementsAre("[    0.000000] Linux version 4.14.256", "\\x1b[32mready\\x1b[0m"));
}

TEST_F(NitroEnclaveTest, SeesThatItEndedByItself) {
  const auto enclave = launch_nitro(nitro_, request_, measured_);
  ASSERT_TRUE(enclave.has_value());
  fake_.end();
  const auto stopped = watch_nitro(nitro_, enclave->id, nullptr, std::chrono::milliseconds(10));
  ASSERT_TRUE(stopped.has_value());
  EXPECT_FALSE(*stopped);
}

}  // namespace
}  // namespace cofferdam::run
