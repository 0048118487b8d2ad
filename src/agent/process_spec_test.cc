// SPDX-License-Identifier: Apache-2.0
#include "agent/process_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace cofferdam::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kFull = R"({
  "root": "/rootfs",
  "args": ["server", "--name", "a b"],
  "env": ["PATH=/usr/bin:/bin", "TEXT=two\nlines = yes", "EMPTY="],
  "cwd": "/srv/app",
  "user": {"uid": 1000, "gid": 1001, "additionalGids": [4, 27]},
  "stopSignal": "SIGQUIT",
  "attributes": [{"path": "/usr/bin/ping", "name": "security.capability", "value": "AQAAAgAgAAAAAAAAAAAAAAAAAAA="}]
})";

// kFull with one piece of its text replaced.
std::string with(std::string_view old_text, std::string_view new_text) {
  std::string out(kFull);
  const std::size_t at = out.find(old_text);
  EXPECT_NE(at, std::string::npos) << old_text;
  return out.replace(at, old_text.size(), new_text);
}

void expect_refused(const std::string& json, std::string_view place) {
  const auto spec = parse_process_spec(json);
  ASSERT_FALSE(spec.has_value()) << place;
  EXPECT_EQ(spec.error().code, Errc::invalid_input);
  EXPECT_THAT(spec.error().detail, HasSubstr(std::string(place)));
}

TEST(ProcessSpecTest, ReadsEveryMember) {
  const auto spec = parse_process_spec(kFull);
  ASSERT_TRUE(spec.has_value()) << spec.error().detail;
  EXPECT_EQ(spec->root, "/rootfs");
  EXPECT_THAT(spec->args, ElementsAre("server", "--name", "a b"));
  EXPECT_THAT(spec->env, ElementsAre("PATH=/usr/bin:/bin", "TEXT=two\nlines = yes", "EMPTY="));
  EXPECT_EQ(spec->cwd, "/srv/app");
  EXPECT_EQ(spec->uid, 1000U);
  EXPECT_EQ(spec->gid, 1001U);
  EXPECT_THAT(spec->additional_gids, ElementsAre(4U, 27U));
  EXPECT_EQ(spec->stop_signal, "SIGQUIT");
  ASSERT_EQ(spec->attributes.size(), 1U);
  EXPECT_EQ(spec->attributes[0].path, "/usr/bin/ping");
  EXPECT_EQ(spec->attributes[0].name, "security.capability");
  EXPECT_EQ(spec->attributes[0].value.size(), 20U);
}

TEST(ProcessSpecTest, WhatIsLeftOutHasItsDefault) {
  const auto spec = parse_process_spec("{}");
  ASSERT_TRUE(spec.has_value()) << spec.error().detail;
  EXPECT_EQ(*spec, ProcessSpec());
}

TEST(ProcessSpecTest, WhatIsWrittenReadsTheSame) {
  const ProcessSpec spec = parse_process_spec(kFull).value();
  const std::string text = to_json(spec);
  EXPECT_EQ(parse_process_spec(text).value(), spec);
  EXPECT_EQ(to_json(parse_process_spec(text).value()), text);
  EXPECT_EQ(parse_process_spec(to_json(ProcessSpec())).value(), ProcessSpec());
}

TEST(ProcessSpecTest, EveryTruncationIsRefused) {
  for (std::size_t size = 0; size < kFull.size(); ++size) {
    EXPECT_FALSE(parse_process_spec(kFull.substr(0, size)).has_value()) << size;
  }
  expect_refused(std::string(kFull) + "x", "process.json");
}

TEST(ProcessSpecTest, RefusesMembersNobodyKnows) {
  expect_refused(with(R"("root")", R"("terminal": false, "root")"), "a member nobody knows");
  expect_refused(with(R"("uid")", R"("username": "app", "uid")"), "user has a member");
  expect_refused(with(R"("path")", R"("flags": 1, "path")"), "attributes[0] has a member");
}

TEST(ProcessSpecTest, RefusesRepeatedMembers) {
  expect_refused(with(R"("root")", R"("cwd": "/", "root")"), "twice");
  expect_refused(with(R"("uid")", R"("gid": 0, "uid")"), "twice");
}

TEST(ProcessSpecTest, RefusesWrongTypes) {
  expect_refused("[]", "not an object");
  expect_refused(with("\"/rootfs\"", "null"), "root is not a string");
  expect_refused(with("\"--name\"", "7"), "args[1] is not a string");
  expect_refused(with(R"(["server", "--name", "a b"])", R"("server")"), "args is not an array");
  expect_refused(with("1000", "\"1000\""), "user.uid is not an integer");
  expect_refused(with("1000", "1000.0"), "user.uid is not an integer");
  expect_refused(with("[4, 27]", "[4, null]"), "user.additionalGids[1] is not an integer");
  expect_refused(with("\"AQAAAgAgAAAAAAAAAAAAAAAAAAA=\"", "\"AQA\""), "is not base64");
}

TEST(ProcessSpecTest, RefusesUsersThatCannotBe) {
  expect_refused(with("1000", "-1"), "user.uid");
  expect_refused(with("1000", "4294967296"), "user.uid");
  expect_refused(with("1000", "4294967295"), "user.uid is not a user");
  expect_refused(with("1001", "4294967295"), "user.gid is not a group");
  expect_refused(with("27", "4294967295"), "user.additionalGids");
  EXPECT_EQ(parse_process_spec(with("1000", "4294967294"))->uid, 4294967294U);
}

TEST(ProcessSpecTest, RefusesPathsThatAreNotAbsoluteOrNotPlain) {
  expect_refused(with("\"/rootfs\"", "\"rootfs\""), "root is not an absolute path");
  expect_refused(with("\"/rootfs\"", "\"/a/../b\""), "root has '.'");
  expect_refused(with("\"/srv/app\"", "\"\""), "cwd is not an absolute path");
  expect_refused(with("\"/usr/bin/ping\"", "\"usr/bin/ping\""), "attributes[0].path");
  expect_refused(with("\"/usr/bin/ping\"", "\"/usr/../ping\""), "attributes[0].path");
  expect_refused(with("\"/usr/bin/ping\"", "\"/\""), "attributes[0].path");
}

TEST(ProcessSpecTest, RefusesWhatIsNoVariable) {
  expect_refused(with("EMPTY=", "EMPTY"), "env[2] is not NAME=value");
  expect_refused(with("EMPTY=", "=x"), "env[2] is not NAME=value");
  expect_refused(with("EMPTY=", "PATH=/"), "env[2] names a variable that is set before");
}

TEST(ProcessSpecTest, RefusesWhatNoSystemCallCanCarry) {
  expect_refused(with(R"("--name")", "\"a\\u0000b\""), "args[1] holds a NUL");
  expect_refused(with("\"server\"", "\"\""), "args[0] is empty");
  expect_refused(with("\"/srv/app\"", "\"/" + std::string(4095, 'x') + "\""), "cwd is longer");
  expect_refused(with("a b", std::string(std::size_t{128} * 1024, 'x')), "args[2] is longer");
}

TEST(ProcessSpecTest, RefusesAttributesWithoutANamespaceAndTwoOfOneName) {
  expect_refused(with("security.capability", "capability"), "attributes[0].name");
  expect_refused(with("security.capability", "security."), "attributes[0].name");
  ProcessSpec spec;
  spec.attributes = {{"/a", "user.x", {1}}, {"/a", "user.x", {2}}};
  EXPECT_FALSE(check_process_spec(spec).has_value());
  spec.attributes[1].name = "user.y";
  EXPECT_TRUE(check_process_spec(spec).has_value());
}

TEST(ProcessSpecTest, RefusesMoreThanItsLimits) {
  ProcessSpec spec;
  spec.args.assign(4097, "x");
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("args has more"));
  spec = ProcessSpec();
  for (int i = 0; i < 4097; ++i) spec.env.push_back("V" + std::to_string(i) + "=");
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("env has more"));
  spec = ProcessSpec();
  spec.additional_gids.assign(1025, 1);
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("user.additionalGids has more"));
  spec = ProcessSpec();
  spec.attributes = {{"/a", "user.x", Bytes(64 * 1024 + 1)}};
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("attributes[0].value"));
}

// Each within its limit, and together more than is ever read.
TEST(ProcessSpecTest, RefusesWhatWouldNotBeReadAgain) {
  ProcessSpec spec;
  spec.args.assign(33, std::string(128 * 1024 - 1, 'x'));
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("the text is over"));
}

TEST(ProcessSpecTest, RefusesTextThatJsonCannotHold) {
  ProcessSpec spec;
  spec.env = {"NAME=\xff"};
  EXPECT_THAT(check_process_spec(spec).error().detail, HasSubstr("env[0] is not UTF-8"));
}

TEST(SignalNumberTest, KnowsTheFormsOfContainers) {
  EXPECT_EQ(signal_number("SIGTERM").value(), SIGTERM);
  EXPECT_EQ(signal_number("TERM").value(), SIGTERM);
  EXPECT_EQ(signal_number("15").value(), SIGTERM);
  EXPECT_EQ(signal_number("SIGWINCH").value(), SIGWINCH);
  EXPECT_EQ(signal_number("SIGSTKFLT").value(), 16);
  EXPECT_EQ(signal_number("SIGIO").value(), SIGIO);
  EXPECT_EQ(signal_number("SIGIOT").value(), SIGABRT);
  EXPECT_EQ(signal_number("SIGCLD").value(), SIGCHLD);
  EXPECT_EQ(signal_number("SIGRTMIN").value(), SIGRTMIN);
  EXPECT_EQ(signal_number("RTMIN+3").value(), SIGRTMIN + 3);
  EXPECT_EQ(signal_number("SIGRTMAX-1").value(), SIGRTMAX - 1);
  EXPECT_EQ(signal_number("64").value(), 64);
}

TEST(SignalNumberTest, RefusesTheRest) {
  for (const char* bad :
       {"", "SIG", "sigterm", "SIGNONE", "0", "65", "-1", "+15", "15 ", "1e1", "SIGSIGTERM",
        "SIGRTMIN+31", "SIGRTMIN-1", "SIGRTMAX+1", "SIGRTMIN+", "SIGRTMIN+-1", "99999999999"}) {
    const auto number = signal_number(bad);
    EXPECT_FALSE(number.has_value()) << bad;
  }
}

}  // namespace
}  // namespace cofferdam::agent
