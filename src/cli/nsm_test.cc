// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam nsm`, the server in a process of its own.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "base/time.h"
#include "cli/command.h"

namespace cofferdam::cli {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  Exit exit = Exit::ok;
  std::string out;
  std::string err;

  json::object json() const { return parse_json(out, 1 << 20).value().as_object(); }
};

Exit run_parsed(std::vector<std::string> arguments) {
  CLI::App app;
  Exit exit = Exit::ok;
  add_nsm(app, exit);
  std::ranges::reverse(arguments);
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError&) {
    return Exit::usage;
  }
  return exit;
}

Outcome run(const std::vector<std::string>& arguments) {
  Outcome outcome;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  outcome.exit = run_parsed(arguments);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

// `cofferdam nsm serve` in a child; ready when constructed.
class Serving {
 public:
  explicit Serving(const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    out_ = UniqueFd(ends[0]);
    std::fflush(stdout);  // The child must not inherit what gtest has buffered.
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      _exit(static_cast<int>(run_parsed(arguments)));
    }
    close(ends[1]);
    char c = 0;
    while (read(out_.get(), &c, 1) == 1 && c != '\n') line_ += c;
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() {
    if (child_ > 0) stop(SIGKILL);
  }

  const std::string& line() const { return line_; }

  int stop(int signal) {
    int status = -1;
    kill(child_, signal);
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  UniqueFd out_;
  pid_t child_ = -1;
  std::string line_;
};

class NsmCommandTest : public testing::Test {
 protected:
  NsmCommandTest() {
    socket_ = folder_ / "nsm.sock";
    data_ = folder_ / "data";
    device_ = "unix:" + socket_.string();
  }

  std::vector<std::string> serve(std::vector<std::string> more) const {
    std::vector<std::string> out{"nsm", "serve", "--listen", device_, "--data", data_.string()};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  TestFolder folder_;
  fs::path socket_;
  fs::path data_;
  std::string device_;
  std::string pcr0_ = std::string(96, 'a');
};

TEST_F(NsmCommandTest, ServesUntilAskedToEndAndLeavesNoSocket) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Serving server(serve({"--pcr", "0=" + pcr0_}));
    const auto ready = parse_json(server.line(), 4096);
    ASSERT_TRUE(ready.has_value()) << server.line();
    EXPECT_EQ(ready->at("ready"), json::value(true));
    EXPECT_EQ(ready->at("listen").as_string(), device_);
    EXPECT_EQ(ready->at("root").as_string(), (data_ / "root.pem").string());
    const Outcome described = run({"nsm", "describe", "--device", device_});
    EXPECT_EQ(described.exit, Exit::ok) << described.err;
    EXPECT_EQ(described.json().at("moduleId"), ready->at("moduleId"));
    EXPECT_EQ(described.json().at("lockedPcrs").as_array().size(), 16U);
    EXPECT_EQ(server.stop(signal), 0);
    EXPECT_FALSE(fs::exists(socket_));
  }
}

TEST_F(NsmCommandTest, ADocumentCanBeHadAndVerified) {
  const Serving server(serve({"--pcr", "0=" + pcr0_, "--region", "eu-west-1"}));
  const Outcome printed =
      run({"nsm", "attest", "--device", device_, "--nonce", "0102", "--user-data", "ff"});
  ASSERT_EQ(printed.exit, Exit::ok) << printed.err;
  const auto document = attest::decode_document_input(as_bytes(printed.out));
  ASSERT_TRUE(document.has_value());
  const auto root = read_text_file(data_ / "root.pem", 1 << 16);
  ASSERT_TRUE(root.has_value());
  const attest::Verifier verifier(attest::TrustRoot::from_pem(*root).value());
  attest::Expectations expected;
  expected.at = SystemClock().now();
  expected.strict = true;
  expected.nonce = Bytes{1, 2};
  expected.user_data = Bytes{0xff};
  expected.pcrs = {{0, Bytes(48, 0xaa)}};
  const auto verified = verifier.verify(*document, expected);
  ASSERT_TRUE(verified.has_value()) << verified.error().detail;
  EXPECT_EQ(verified->region(), "eu-west-1");

  const fs::path file = folder_ / "document.bin";
  EXPECT_EQ(run({"nsm", "attest", "--device", device_, "--output", file.string()}).exit, Exit::ok);
  EXPECT_TRUE(attest::parse_document(read_file(file, 1 << 16).value()).has_value());
}

TEST_F(NsmCommandTest, ShowsRegistersAndTheRefusalOfOneThatIsNotThere) {
  const Serving server(serve({"--pcr", "0=" + pcr0_}));
  const Outcome first = run({"nsm", "describe-pcr", "0", "--device", device_});
  ASSERT_EQ(first.exit, Exit::ok) << first.err;
  EXPECT_EQ(first.json().at("value").as_string(), pcr0_);
  EXPECT_EQ(first.json().at("locked"), json::value(true));
  const Outcome none = run({"nsm", "describe-pcr", "32", "--device", device_});
  EXPECT_EQ(none.exit, Exit::negative);
  EXPECT_NE(none.err.find("InvalidIndex"), std::string::npos);
}

TEST_F(NsmCommandTest, ADebugEnclaveNeedsNoMeasurements) {
  const Serving server(serve({"--debug-mode"}));
  const Outcome pcr = run({"nsm", "describe-pcr", "0", "--device", device_});
  EXPECT_EQ(pcr.json().at("value").as_string(), std::string(96, '0'));
}

TEST_F(NsmCommandTest, WhatIsMissingOrWrongIsSaidInOneLine) {
  EXPECT_EQ(run({"nsm"}).exit, Exit::usage);
  EXPECT_EQ(run(serve({})).exit, Exit::usage) << "nothing measured";
  EXPECT_EQ(run(serve({"--pcr", "0=00"})).exit, Exit::usage);
  EXPECT_EQ(run(serve({"--pcr", "x=" + pcr0_})).exit, Exit::usage);
  EXPECT_EQ(run(serve({"--pcr", "0=" + pcr0_, "--image", "x.eif"})).exit, Exit::usage);
  EXPECT_EQ(run(serve({"--image", (folder_ / "none.eif").string()})).exit, Exit::environment);
  EXPECT_EQ(
      run({"nsm", "serve", "--listen", "tcp:1", "--data", data_.string(), "--debug-mode"}).exit,
      Exit::usage);
  EXPECT_EQ(run({"nsm", "attest", "--device", device_, "--nonce", "xyz"}).exit, Exit::usage);
  const Outcome nobody = run({"nsm", "describe", "--device", device_});
  EXPECT_EQ(nobody.exit, Exit::environment);
  EXPECT_NE(nobody.err.find(socket_.string()), std::string::npos);
  EXPECT_EQ(std::ranges::count(nobody.err, '\n'), 1);
}

TEST_F(NsmCommandTest, AnAddressInUseIsOneClearLine) {
  const Serving server(serve({"--debug-mode"}));
  const Outcome second = run(serve({"--debug-mode"}));
  EXPECT_EQ(second.exit, Exit::environment);
  EXPECT_NE(second.err.find("address in use"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::cli
