// SPDX-License-Identifier: Apache-2.0
#include "cloud/event_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>

#include "base/log.h"

namespace cofferdam::cloud {
namespace {

std::unexpected<Error> failed(const std::filesystem::path& path, int code) {
  return fail(Errc::unavailable, path.string() + ": " + errno_text(code));
}

}  // namespace

Result<EventLog> EventLog::open(std::filesystem::path path, std::uint64_t max_size) {
  EventLog log(std::move(path), max_size);
  COFFERDAM_CHECK(log.reopen());
  return log;
}

Status EventLog::reopen() {
  file_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file_.valid()) return failed(path_, errno);
  struct stat info{};
  if (fstat(file_.get(), &info) != 0) return failed(path_, errno);
  if (!S_ISREG(info.st_mode)) return fail(Errc::invalid_input, path_.string() + " is not a file");
  size_ = static_cast<std::uint64_t>(info.st_size);
  return {};
}

Status EventLog::rotate() {
  const std::filesystem::path older = path_.string() + ".1";
  if (::rename(path_.c_str(), older.c_str()) != 0) return failed(path_, errno);
  return reopen();
}

// A line that did not fit is taken back: a reader never meets half of one.
Status EventLog::append(std::string_view line) {
  if (!file_.valid()) COFFERDAM_CHECK(reopen());
  if (size_ > 0 && size_ + line.size() > max_size_) COFFERDAM_CHECK(rotate());
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written > 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      const int code = errno;
      if (ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) file_ = UniqueFd();
      return failed(path_, code);
    }
  }
  size_ += line.size();
  return {};
}

Status EventLog::write(const json::object& event) {
  Status outcome = append(json::serialize(event) + "\n");
  report(outcome);
  return outcome;
}

void EventLog::report(const Status& outcome) {
  if (outcome.has_value() != failing_) return;
  failing_ = !failing_;
  if (failing_) {
    log::error("events are lost: " + outcome.error().detail);
  } else {
    log::info("events are recorded again in " + path_.string());
  }
}

}  // namespace cofferdam::cloud
