// SPDX-License-Identifier: Apache-2.0
#include "parent/ledger_forward.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "crypto/random.h"

namespace cofferdam::parent {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// From half of `longest` to all of it, so that parents that failed together do not come back
// together.
milliseconds jittered(milliseconds longest) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : crypto::random_bytes(4)) value = (value << 8U) | byte;
  const auto half = static_cast<std::uint64_t>(longest.count()) / 2;
  return milliseconds(half + value % (half + 1));
}

}  // namespace

LedgerForward::LedgerForward(ForwardOptions options)
    : options_(std::move(options)), receiver_(options_.receiver), cursor_(options_.ledger) {}

asio::awaitable<void> LedgerForward::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (true) {
    const auto more = co_await forward_next();
    if (more && *more) continue;
    timer.expires_after(more ? options_.poll : note_failure(more.error()));
    const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (stopped) co_return;
  }
}

// Whether there was something.
Task<bool> LedgerForward::forward_next() {
  std::function<Result<LedgerBatch>()> read = [this] { return cursor_.next(); };
  COFFERDAM_CO_TRY(LedgerBatch batch, co_await disk_.run<LedgerBatch>(std::move(read)));
  counts_.lag_bytes = batch.file_size - std::min(batch.file_size, batch.end - batch.text.size());
  if (batch.text.empty()) {
    note_success();
    co_return false;
  }
  COFFERDAM_CO_CHECK(co_await post(batch.text));
  counts_.entries += batch.lines;
  counts_.lag_bytes -= std::min<std::uint64_t>(counts_.lag_bytes, batch.text.size());
  std::function<Status()> write = [this, done = std::move(batch)] { return cursor_.advance(done); };
  COFFERDAM_CO_CHECK(co_await disk_.run<void>(std::move(write)));
  note_success();
  co_return true;
}

Task<void> LedgerForward::post(std::string lines) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = options_.target;
  request.headers = {{"Content-Type", "application/x-ndjson"}};
  request.body = to_bytes(lines);
  COFFERDAM_CO_TRY(const net::HttpResponse answer, co_await receiver_.send(std::move(request)));
  if (answer.status < 200 || answer.status > 299) {
    co_return fail(Errc::unavailable,
                   "expected 2xx of the receiver, found " + std::to_string(answer.status));
  }
  co_return Status();
}

milliseconds LedgerForward::note_failure(const Error& error) {
  ++counts_.failures;
  wait_ = std::clamp(2 * wait_, options_.first_wait, options_.longest_wait);
  const milliseconds wait = jittered(wait_);
  log::warning("ledger: not forwarded, the next try is in " + std::to_string(wait.count()) +
               " ms: " + error.detail);
  return wait;
}

void LedgerForward::note_success() {
  if (wait_.count() != 0) log::info("ledger: forwarding works again");
  wait_ = milliseconds(0);
}

}  // namespace cofferdam::parent
