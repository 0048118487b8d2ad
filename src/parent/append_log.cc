// SPDX-License-Identifier: Apache-2.0
#include "parent/append_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

namespace cofferdam::parent {
namespace {

namespace asio = boost::asio;

Status write_and_sync(int fd, const std::string& name, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Errc::unavailable, name + ": " + errno_text(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fdatasync(fd) != 0 && errno != EINVAL) {  // EINVAL: a pipe or a terminal.
    return fail(Errc::unavailable, name + ": " + errno_text(errno));
  }
  return {};
}

}  // namespace

// Lines that reach the disk together, and those who wait for them.
struct AppendLog::Batch {
  explicit Batch(const asio::any_io_executor& executor)
      : written(executor, asio::steady_timer::time_point::max()) {}

  std::string text;
  Status outcome = fail(Errc::unavailable, "the wait for the disk was cut off");
  bool done = false;
  asio::steady_timer written;  // Never expires; cancelled when the batch is done.
};

Result<std::unique_ptr<AppendLog>> AppendLog::open(const std::filesystem::path& path,
                                                   DiskWorker& disk) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return fail(Errc::unavailable, "cannot open " + path.string() + ": " + errno_text(errno));
  }
  return std::unique_ptr<AppendLog>(new AppendLog(std::move(file), path.string(), disk));
}

Task<void> AppendLog::append(std::string line) {
  const auto executor = co_await asio::this_coro::executor;
  if (!next_) next_ = std::make_shared<Batch>(executor);
  const auto batch = next_;
  batch->text += line;
  batch->text += '\n';
  if (!writing_) {
    writing_ = true;
    asio::co_spawn(executor, write_batches(), asio::detached);
  }
  const auto token = asio::as_tuple(asio::use_awaitable);
  [[maybe_unused]] const auto woken = co_await batch->written.async_wait(token);
  co_return batch->outcome;
}

asio::awaitable<void> AppendLog::write_batches() {
  while (next_) {
    const auto batch = std::exchange(next_, nullptr);
    std::function<Status()> work = [fd = file_.get(), name = name_, batch] {
      return write_and_sync(fd, name, batch->text);
    };
    batch->outcome = co_await disk_.run<void>(std::move(work));
    batch->done = true;
    batch->written.cancel();
  }
  writing_ = false;
}

}  // namespace cofferdam::parent
