// SPDX-License-Identifier: Apache-2.0
#include "run/state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

namespace cofferdam::run {
namespace {

EnclaveState full_state() {
  EnclaveState out;
  out.id = "i-0-enc1";
  out.name = "app";
  out.backend = Backend::nitro;
  out.image = "/images/app.eif";
  out.measurements["PCR0"] = "00";
  out.debug_mode = true;
  out.started_at = parse_rfc3339("2026-01-02T03:04:05.678Z").value();
  out.memory_mib = 512;
  out.cpus = 2;
  out.cid = 16;
  out.pid = 77;
  out.pid_start = 12345;
  out.ended_at = parse_rfc3339("2026-01-02T04:00:00Z").value();
  out.exit_status = 3;
  return out;
}

TEST(StateTest, SurvivesItsFile) {
  const json::object written = to_json(full_state());
  const auto read = parse_state(json::serialize(written));
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  EXPECT_EQ(to_json(*read), written);
}

TEST(StateTest, LeavesOutWhatIsNotKnown) {
  EnclaveState state = full_state();
  state.memory_mib = state.cpus = state.cid = state.pid = state.pid_start = {};
  state.exit_status = {};
  state.ended_at = {};
  const json::object written = to_json(state);
  EXPECT_FALSE(written.contains("pid"));
  EXPECT_EQ(to_json(parse_state(json::serialize(written)).value()), written);
}

TEST(StateTest, RefusesWhatItWouldNotWrite) {
  const auto refused = [](const char* member, json::value value) {
    json::object object = to_json(full_state());
    object[member] = std::move(value);
    return !parse_state(json::serialize(object)).has_value();
  };
  EXPECT_TRUE(refused("backend", "qemu"));
  EXPECT_TRUE(refused("name", "../x"));
  EXPECT_TRUE(refused("pid", 1));
  EXPECT_TRUE(refused("pid", -1));
  EXPECT_TRUE(refused("pid", "77"));
  EXPECT_TRUE(refused("pidStart", nullptr));
  EXPECT_TRUE(refused("startedAt", "yesterday"));
  EXPECT_TRUE(refused("Measurements", nullptr));
  EXPECT_TRUE(refused("unknown", 1));
  EXPECT_FALSE(refused("cid", nullptr));
}

TEST(StateTest, RefusesEveryTruncation) {
  const std::string text = json::serialize(to_json(full_state()));
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_state(std::string_view(text).substr(0, size)).has_value()) << size;
  }
}

TEST(StateTest, TellsProcessesOfOneNumberApartByTheirStart) {
  const auto own = process_start(getpid());
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(process_start(getpid()).value(), *own);
  EXPECT_GE(*own, process_start(getppid()).value());
  EXPECT_EQ(process_start(0x7ffffff0).error().code, Errc::not_found);
}

TEST(NameTest, HasLettersDigitsAndThreeSigns) {
  EXPECT_TRUE(check_name("app-1.2_x").has_value());
  for (const char* bad : {"", ".", "..", ".x", "-x", "a/b", "a b", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(check_name(bad).has_value()) << bad;
  }
  EXPECT_TRUE(check_name(std::string(64, 'a')).has_value());
  EXPECT_FALSE(check_name(std::string(65, 'a')).has_value());
}

TEST(NameTest, ComesFromTheImageFile) {
  EXPECT_EQ(default_name("/x/hello.eif"), "hello");
  EXPECT_EQ(default_name("a b\xc3\xa4.eif"), "a_b__");
  EXPECT_EQ(default_name("/x/.eif"), "enclave");
  EXPECT_EQ(default_name("-x"), "_x");
  for (const std::string name : {"/x/..eif", ".hidden", "/x/", "...eif"}) {
    EXPECT_TRUE(check_name(default_name(name)).has_value()) << name;
  }
  EXPECT_TRUE(check_name(default_name(std::string(300, 'x')) + "_999").has_value());
}

}  // namespace
}  // namespace cofferdam::run
