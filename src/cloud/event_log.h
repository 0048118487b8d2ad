// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace cofferdam::cloud {

// Events as JSON lines in a file, private to its user. When the next line would make the
// file larger than `max_size`, it becomes FILE.1, replacing the one before, and a new one
// begins: at most twice the size is ever used.
//
// As CloudTrail, the log is no part of what is promised: it is not synced, and an event
// that cannot be written fails no request. It is reported, once in the log when it begins
// and once when it ends, and left to the caller to count. One thread.
class EventLog {
 public:
  static constexpr std::uint64_t kMinSize = std::uint64_t{64} * 1024;

  // Appends to what is there.
  static Result<EventLog> open(std::filesystem::path path, std::uint64_t max_size);

  // The whole line or, after an error, nothing.
  Status write(const json::object& event);

 private:
  EventLog(std::filesystem::path path, std::uint64_t max_size)
      : path_(std::move(path)), max_size_(max_size) {}
  Status reopen();
  Status rotate();
  Status append(std::string_view line);
  void report(const Status& outcome);

  std::filesystem::path path_;
  std::uint64_t max_size_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
  bool failing_ = false;
};

}  // namespace cofferdam::cloud
