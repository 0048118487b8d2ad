// SPDX-License-Identifier: Apache-2.0
#include "parent/append_log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

namespace cofferdam::parent {
namespace {

namespace asio = boost::asio;

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
  COFFERDAM_TRY(ledger::LineFile file, ledger::LineFile::open(path));
  return std::unique_ptr<AppendLog>(new AppendLog(std::move(file), disk));
}

Task<void> AppendLog::append(std::string line) {
  const auto executor = co_await asio::this_coro::executor;
  if (!next_) next_ = std::make_shared<Batch>(executor);
  const auto batch = next_;
  if (!batch->text.empty()) batch->text += '\n';
  batch->text += line;
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
    std::function<Status()> work = [this, batch] { return file_.append(batch->text); };
    batch->outcome = co_await disk_.run<void>(std::move(work));
    batch->done = true;
    batch->written.cancel();
  }
  writing_ = false;
}

}  // namespace cofferdam::parent
