// SPDX-License-Identifier: Apache-2.0
#include "net/dialer.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "net/deadline.h"
#include "net/resolve.h"
#include "net/socket_transport.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

}  // namespace

// Shared by the map, the lookup's own task and everybody who waits for it.
struct Dialer::Lookup {
  explicit Lookup(const asio::any_io_executor& executor)
      : ended(executor, SteadyClock::time_point::max()) {}

  asio::steady_timer ended;  // Never expires; cancelled when there is an answer.
  bool done = false;
  Result<Addresses> answer = fail(Errc::unavailable, "the name lookup was cut off");
  SteadyClock::time_point good_until;
};

Dialer::Dialer(asio::any_io_executor executor, DialerOptions options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      counts_(std::make_shared<DialerCounts>()) {
  if (!options_.lookup) options_.lookup = resolve;
}

Dialer::~Dialer() = default;

Task<Stream> Dialer::connect(TcpAddress address, milliseconds limit) {
  const std::string name = to_string(address);
  auto work = connect_to(std::move(address), limit);
  auto stream = co_await with_deadline(limit, std::move(work));
  if (!stream) co_return wrap("cannot connect to " + name, std::move(stream).error());
  co_return stream;
}

Task<Stream> Dialer::connect_to(TcpAddress address, milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  const Shared lookup = find(address);
  if (!lookup->done) {
    const auto token = asio::as_tuple(asio::use_awaitable);
    [[maybe_unused]] const auto woken = co_await lookup->ended.async_wait(token);
  }
  if (!lookup->answer) co_return std::unexpected(lookup->answer.error());
  const auto left = std::chrono::duration_cast<milliseconds>(until - SteadyClock::now());
  auto stream = co_await connect_in_turn(*lookup->answer, left);
  if (!stream) lookup->good_until = {};  // They may have moved.
  co_return stream;
}

Dialer::Shared Dialer::find(const TcpAddress& address) {
  const auto found = lookups_.find(address);
  if (found != lookups_.end()) {
    const Shared& known = found->second;
    if (!known->done || SteadyClock::now() < known->good_until) {
      ++counts_->kept;
      return known;
    }
  }
  make_room();
  auto lookup = std::make_shared<Lookup>(executor_);
  lookups_.insert_or_assign(address, lookup);
  start(address, lookup);
  return lookup;
}

void Dialer::start(const TcpAddress& address, const Shared& lookup) {
  ++counts_->lookups;
  auto ended = [lookup, counts = counts_, keep_answer = options_.keep_answer,
                keep_failure = options_.keep_failure](const std::exception_ptr& thrown,
                                                      Result<Addresses> answer) {
    if (!thrown) lookup->answer = std::move(answer);
    if (!lookup->answer) ++counts->failures;
    lookup->done = true;
    lookup->good_until = SteadyClock::now() + (lookup->answer ? keep_answer : keep_failure);
    lookup->ended.cancel();
  };
  asio::co_spawn(executor_, options_.lookup(address.host, address.port), std::move(ended));
}

// Names come from a list of destinations, so this is rare: all that is over goes.
void Dialer::make_room() {
  if (lookups_.size() < options_.max_names) return;
  std::erase_if(lookups_, [](const auto& entry) { return entry.second->done; });
}

}  // namespace cofferdam::net
