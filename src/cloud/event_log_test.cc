// SPDX-License-Identifier: Apache-2.0
#include "cloud/event_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_folder.h"

namespace cofferdam::cloud {
namespace {

json::object event(int number) {
  return {{"eventID", number}, {"padding", std::string(1000, 'x')}};
}

TEST(EventLogTest, AppendsLinesToAPrivateFile) {
  const TestFolder folder;
  const auto path = folder / "events.jsonl";
  for (int i = 0; i < 2; ++i) {
    auto log = EventLog::open(path, EventLog::kMinSize);
    ASSERT_TRUE(log.has_value()) << log.error().detail;
    EXPECT_TRUE(log->write({{"eventID", i}}).has_value());
  }
  EXPECT_EQ(read_text_file(path, 4096).value(), "{\"eventID\":0}\n{\"eventID\":1}\n");
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(EventLogTest, KeepsAtMostTwoFilesOfTheGivenSize) {
  const TestFolder folder;
  const auto path = folder / "events.jsonl";
  auto log = *EventLog::open(path, EventLog::kMinSize);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(log.write(event(i)).has_value());
  EXPECT_LE(std::filesystem::file_size(path), EventLog::kMinSize);
  EXPECT_LE(std::filesystem::file_size(path.string() + ".1"), EventLog::kMinSize);
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".2"));
  const std::string newest = *read_text_file(path, EventLog::kMinSize);
  EXPECT_NE(newest.find("\"eventID\":299,"), std::string::npos);
}

TEST(EventLogTest, AFailureIsAnErrorAndTheNextEventTriesAgain) {
  const TestFolder folder;
  const auto path = folder / "events.jsonl";
  auto log = *EventLog::open(path, EventLog::kMinSize);
  // Rotation cannot replace a folder.
  std::filesystem::create_directories(path.string() + ".1/in-the-way");
  Status last;
  for (int i = 0; i < 100 && last; ++i) last = log.write(event(i));
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, Errc::unavailable);
  std::filesystem::remove_all(path.string() + ".1");
  EXPECT_TRUE(log.write(event(100)).has_value());
}

TEST(EventLogTest, RefusesWhatIsNotAFile) {
  EXPECT_FALSE(EventLog::open("/dev/null", EventLog::kMinSize).has_value());
  EXPECT_FALSE(EventLog::open("/nonexistent/events.jsonl", EventLog::kMinSize).has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
