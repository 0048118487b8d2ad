// SPDX-License-Identifier: Apache-2.0
#include "agent/output_tail.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <iterator>

#include "agent/supervisor.h"
#include "agent/test_support.h"
#include "base/test_folder.h"

namespace cofferdam::agent {
namespace {

using ::testing::ElementsAre;

TEST(OutputTailTest, KeepsTheLastLines) {
  LastLines lines(2);
  lines.add("one\ntwo\nth");
  lines.add("ree\n");
  EXPECT_THAT(lines.lines(), ElementsAre("two", "three"));
  lines.add("unfinished");
  EXPECT_THAT(lines.lines(), ElementsAre("three", "unfinished"));
}

TEST(OutputTailTest, NothingUnprintableIsKept) {
  LastLines lines(2);
  lines.add("a\x1b[31mb\r\n\xc3\xa9\n");
  EXPECT_THAT(lines.lines(), ElementsAre("a?[31mb", "??"));
}

TEST(OutputTailTest, LongLinesAreCut) {
  LastLines lines(1);
  lines.add(std::string(5000, 'x'));
  EXPECT_EQ(lines.lines().at(0).size(), LastLines::kMaxLine);
}

TEST(OutputTailTest, AWorkloadsOutputReachesConsoleAndTail) {
  const TestFolder folder;
  const auto console_path = folder.path() / "console";
  const UniqueFd console(open(console_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  boost::asio::io_context loop(1);
  auto tail = OutputTail::create(loop.get_executor(), console.get(), 2);
  ASSERT_TRUE(tail.has_value());
  ProcessSpec spec;
  spec.args = {"/bin/sh", "-c", "echo first; echo second >&2; echo third > /dev/stdout"};
  spec.uid = geteuid();
  spec.gid = getegid();
  Supervisor supervisor(std::move(spec), {.output = tail->writing_end()});
  std::optional<Result<WorkloadEnd>> end;
  std::vector<std::string> last;
  boost::asio::co_spawn(loop, test::keep_result(supervisor.run(), &end),
                        [&](const std::exception_ptr&) { last = tail->last_lines(); });
  loop.run();
  EXPECT_EQ(end->value().status, 0);
  EXPECT_THAT(last, ElementsAre("second", "third"));
  std::ifstream file(console_path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "first\nsecond\nthird\n");
}

}  // namespace
}  // namespace cofferdam::agent
