// SPDX-License-Identifier: Apache-2.0
#include "net/relay.h"

#include <boost/asio/as_tuple.hpp>
#include <memory>

#include "net/deadline.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using SteadyTime = std::chrono::steady_clock::time_point;

struct Session {
  Stream a;
  Stream b;
  RelayOptions options;
  SteadyTime last_activity = std::chrono::steady_clock::now();
};

Task<void> copy_until_end(Session& session, Stream& from, Stream& to, std::uint64_t& count) {
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(session.options.buffer_size);
  const std::span<std::uint8_t> room(buffer.get(), session.options.buffer_size);
  for (;;) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await from.read_some(room));
    if (size == 0) co_return co_await to.shutdown_write();
    COFFERDAM_CO_CHECK(co_await to.write(room.first(size)));
    count += size;
    session.last_activity = std::chrono::steady_clock::now();
  }
}

// A direction that breaks takes the other one with it.
Task<void> copy(Session& session, Stream& from, Stream& to, std::uint64_t& count) {
  auto status = co_await copy_until_end(session, from, to, count);
  if (!status) {
    session.a.close();
    session.b.close();
  }
  co_return status;
}

Task<void> copy_both(Session& session, RelayCounts& counts) {
  using namespace asio::experimental::awaitable_operators;
  auto forth = copy(session, session.a, session.b, counts.from_a);
  auto back = copy(session, session.b, session.a, counts.from_b);
  const auto [first, second] = co_await (std::move(forth) && std::move(back));
  co_return first ? second : first;
}

asio::awaitable<void> wait_for_silence(Session& session) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    const auto until = session.last_activity + session.options.idle_timeout;
    if (std::chrono::steady_clock::now() >= until) co_return;
    timer.expires_at(until);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

Task<void> relay(Stream a, Stream b, RelayOptions options, RelayCounts& counts) {
  using namespace asio::experimental::awaitable_operators;
  Session session{.a = std::move(a), .b = std::move(b), .options = options};
  auto copying = copy_both(session, counts);
  auto silence = wait_for_silence(session);
  const auto first = co_await (std::move(copying) || std::move(silence));
  if (first.index() == 1) co_return fail(Errc::deadline_exceeded, "the connection fell silent");
  co_return std::get<0>(first);
}

}  // namespace cofferdam::net
