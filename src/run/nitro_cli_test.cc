// SPDX-License-Identifier: Apache-2.0
#include "run/nitro_cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/test_folder.h"
#include "run/nitro_error.h"
#include "run/test_nitro.h"

namespace cofferdam::run {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kId = "i-0f1e2d3c4b5a69788-enc19a7c3e5f2b48d60";

class NitroCliTest : public testing::Test {
 protected:
  NitroCliTest() {
    request_.image = folder_.write("app.eif", as_bytes("image"));
    request_.name = "app";
    request_.memory_mib = 512;
    request_.cpus = 2;
    fake_.measurements(R"({"HashAlgorithm":"Sha384 { ... }","PCR0":"00"})");
  }

  TestFolder folder_;
  test::FakeNitro fake_;
  NitroCli nitro_{test::FakeNitro::program(), fake_.log()};
  NitroRequest request_;
};

TEST_F(NitroCliTest, RunsDescribesAndTerminates) {
  const auto started = nitro_.run(request_);
  ASSERT_TRUE(started.has_value()) << started.error().detail;
  EXPECT_EQ(started->id, kId);
  EXPECT_EQ(started->name, "app");
  EXPECT_EQ(started->cid, 16);
  EXPECT_EQ(started->cpus, 2);
  EXPECT_EQ(started->memory_mib, 512);
  const auto all = nitro_.describe();
  ASSERT_TRUE(all.has_value()) << all.error().detail;
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().state, "RUNNING");
  EXPECT_TRUE(all->front().measurements->contains("PCR0"));
  EXPECT_TRUE(nitro_.terminate(kId).has_value());
  EXPECT_TRUE(nitro_.describe()->empty());
}

TEST_F(NitroCliTest, PassesEveryOptionAsAnArgumentOfItsOwn) {
  request_.cid = 42;
  request_.debug_mode = true;
  request_.image = folder_.write("with space;$(false).eif", as_bytes("image"));
  const auto started = nitro_.run(request_);
  ASSERT_TRUE(started.has_value()) << started.error().detail;
  EXPECT_EQ(fake_.arguments(), "run-enclave --eif-path " + request_.image.string() +
                                   " --memory 512 --cpu-count 2 --enclave-name app"
                                   " --enclave-cid 42 --debug-mode\n");
}

struct Mapped {
  const char* code;
  Errc errc;
  const char* advice;
};
class NitroErrorTest : public NitroCliTest, public testing::WithParamInterface<Mapped> {};

TEST_P(NitroErrorTest, IsExplainedWithItsFix) {
  fake_.scenario(GetParam().code);
  const auto failed = nitro_.run(request_);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, GetParam().errc);
  EXPECT_EQ(failed.error().reason, GetParam().code) << "the cause, not the E39 that follows it";
  EXPECT_THAT(failed.error().detail, HasSubstr(GetParam().advice));
}

INSTANTIATE_TEST_SUITE_P(
    All, NitroErrorTest,
    testing::Values(Mapped{"E19", Errc::unavailable, "File: '/dev/nitro_enclaves'"},
                    Mapped{"E21", Errc::invalid_input, "cpu_pool (/etc/nitro_enclaves"},
                    Mapped{"E22", Errc::invalid_input, "cpu_count (/etc/nitro_enclaves"},
                    Mapped{"E26", Errc::invalid_input, "raise --memory"},
                    Mapped{"E27", Errc::invalid_input, "memory_mib (/etc/nitro_enclaves"},
                    Mapped{"E28", Errc::unavailable, "four at most"},
                    Mapped{"E29", Errc::unavailable, "dmesg"},
                    Mapped{"E31", Errc::unavailable, "huge pages"},
                    Mapped{"E32", Errc::unavailable, "whole cores"},
                    Mapped{"E33", Errc::unavailable, "--cid"},
                    Mapped{"E35", Errc::unavailable, "/proc/meminfo"},
                    Mapped{"E36", Errc::unavailable, "--backend process"},
                    Mapped{"E39", Errc::unavailable, "cannot reach"},
                    Mapped{"E44", Errc::unavailable, "--debug-mode"},
                    Mapped{"E58", Errc::invalid_input, "--name"},
                    Mapped{"E59", Errc::invalid_input, "signature"}),
    [](const auto& info) { return std::string(info.param.code); });

TEST(NitroExplanationTest, PassesOnACodeItDoesNotKnow) {
  const Error error = explain_nitro_error("[ E77 ] New and strange.\nmore", 77);
  EXPECT_THAT(error.detail, HasSubstr("[ E77 ] New and strange.; see nitro-cli explain"));
}

TEST(NitroExplanationTest, ShowsOneLineOfWhatHasNoCodeWithoutItsControlCharacters) {
  const Error error = explain_nitro_error("panicked \x1b[31m at\nsecond line [ E3x ] [ E26", 101);
  EXPECT_THAT(error.detail, HasSubstr("exit status 101: panicked \\x1b[31m at"));
  EXPECT_THAT(error.detail, Not(HasSubstr("second")));
  EXPECT_THAT(explain_nitro_error("", 1).detail, EndsWith("said nothing"));
}

TEST_F(NitroCliTest, RefusesWhatIsNotTheDocumentedJson) {
  for (const char* scenario : {"garbage", "half", "path"}) {
    fake_.scenario(scenario);
    const auto failed = nitro_.run(request_);
    ASSERT_FALSE(failed.has_value()) << scenario;
    EXPECT_EQ(failed.error().code, Errc::internal) << scenario;
    EXPECT_THAT(failed.error().detail, HasSubstr("documented JSON")) << scenario;
  }
}

TEST_F(NitroCliTest, SaysWhenItFailsWithoutAWord) {
  fake_.scenario("silent");
  EXPECT_EQ(nitro_.run(request_).error().code, Errc::unavailable);
}

TEST_F(NitroCliTest, GivesUpOnOneThatHangs) {
  fake_.scenario("hang");
  const NitroCli impatient(test::FakeNitro::program(), fake_.log(), std::chrono::milliseconds(100));
  const auto failed = impatient.run(request_);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::deadline_exceeded);
  EXPECT_THAT(failed.error().detail, HasSubstr("run-enclave did not end"));
}

TEST_F(NitroCliTest, SaysWhereToGetAMissingOne) {
  const test::Variable path("PATH", folder_.path("").string());
  const auto missing = NitroCli::find(fake_.log());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().detail, HasSubstr("aws-nitro-enclaves-cli"));
}

TEST_F(NitroCliTest, FindsTheOneInPath) {
  const test::Variable path("PATH", fake_.path());
  const auto found = NitroCli::find(fake_.log());
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->describe()->empty());
}

TEST_F(NitroCliTest, ExplainsADescribeThatFails) {
  fake_.scenario("describe-E11");
  EXPECT_EQ(nitro_.describe().error().reason, "E11");
}

TEST_F(NitroCliTest, SaysThatThereIsNothingToTerminate) {
  EXPECT_EQ(nitro_.terminate(kId).error().code, Errc::not_found);
}

TEST(NitroOutputTest, RefusesEveryTruncation) {
  constexpr std::string_view kText =
      R"([{"EnclaveID":"i-1","EnclaveCID":4,"NumberOfCPUs":2,"MemoryMiB":64,"State":"RUNNING"}])";
  ASSERT_TRUE(parse_describe_output(kText).has_value());
  for (std::size_t size = 0; size < kText.size(); ++size) {
    EXPECT_FALSE(parse_describe_output(kText.substr(0, size)).has_value()) << size;
  }
}

TEST(NitroOutputTest, RefusesAnAnswerAboutAnotherEnclave) {
  EXPECT_TRUE(check_terminate_output(R"({"EnclaveID":"i-1","Terminated":true})", "i-1"));
  EXPECT_FALSE(check_terminate_output(R"({"EnclaveID":"i-2","Terminated":true})", "i-1"));
  EXPECT_FALSE(check_terminate_output(R"({"EnclaveID":"i-1","Terminated":false})", "i-1"));
}

TEST(NitroOutputTest, KnowsHowLongABootMayTake) {
  constexpr std::uint64_t kGib = std::uint64_t{1} << 30;
  EXPECT_EQ(nitro_boot_limit(1, 512), std::chrono::seconds(180));
  EXPECT_EQ(nitro_boot_limit(6 * kGib, 512), std::chrono::seconds(180));
  EXPECT_EQ(nitro_boot_limit(6 * kGib + 1, 100 * 1024 + 1), std::chrono::seconds(360));
}

}  // namespace
}  // namespace cofferdam::run
