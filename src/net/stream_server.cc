// SPDX-License-Identifier: Apache-2.0
#include "net/stream_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <set>
#include <vector>

#include "base/log.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr milliseconds kPauseAfterFailedAccept{50};
constexpr milliseconds kTimeToUnwind{2'000};

class Connection final : public ServedConnection, public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(const asio::any_io_executor& executor) : timer_(executor) {}

  void set_idle(bool idle) noexcept override { idle_ = idle; }
  bool stopping() const noexcept override { return stopping_; }

  void set_deadline(milliseconds limit) override {
    deadline_ = Clock::now() + limit;
    if (deadline_ < timer_set_to_) set_timer();
  }
  void lift_deadline() noexcept override { deadline_ = kNever; }

  // Leaves nothing in the event loop.
  void end() {
    lift_deadline();
    timer_.cancel();
  }

  asio::cancellation_slot slot() noexcept { return signal_.slot(); }
  void cut_off() { signal_.emit(asio::cancellation_type::terminal); }

  void ask_to_stop() {
    stopping_ = true;
    if (idle_) cut_off();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kNever = Clock::time_point::max();

  // Nearly every deadline is lifted in time, so the timer is not touched for each: when it
  // expires it is set to the deadline of that moment.
  void set_timer() {
    timer_set_to_ = deadline_;
    timer_.expires_at(deadline_);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self) self->timer_expired();
    });
  }

  void timer_expired() {
    timer_set_to_ = kNever;
    if (deadline_ <= Clock::now()) {
      cut_off();
    } else if (deadline_ != kNever) {
      set_timer();
    }
  }

  asio::cancellation_signal signal_;
  asio::steady_timer timer_;
  Clock::time_point deadline_ = kNever;
  Clock::time_point timer_set_to_ = kNever;
  bool idle_ = false;
  bool stopping_ = false;
};

// A connection that was cut off unwinds with operation_aborted; anything else is a bug.
void report(const std::string& name, const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) {
      log::error(name + ": a connection failed unexpectedly: " + error.code().message());
    }
  } catch (const std::exception& error) {
    log::error(name + ": a connection failed unexpectedly: " + error.what());
  }
}

}  // namespace

struct StreamServer::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor on, std::string name_for_log, std::size_t max, Handler serve)
      : executor(std::move(on)),
        name(std::move(name_for_log)),
        max_connections(max),
        handler(std::move(serve)),
        changed(executor, asio::steady_timer::time_point::max()) {}

  void stop() {
    stopping = true;
    for (const auto& listener : listeners) listener->close();
    changed.cancel();
    for (const auto& connection : std::vector(connections.begin(), connections.end())) {
      connection->ask_to_stop();
    }
  }

  void cut_off_all() {
    for (const auto& connection : std::vector(connections.begin(), connections.end())) {
      connection->cut_off();
    }
  }

  void serve(Stream stream) {
    auto connection = std::make_shared<Connection>(executor);
    connections.insert(connection);
    auto ended = [self = shared_from_this(), connection](const std::exception_ptr& thrown,
                                                         const Status& status) {
      if (thrown) report(self->name, thrown);
      if (!thrown && !status) log::debug(self->name + ": " + status.error().detail);
      connection->end();
      self->connections.erase(connection);
      self->changed.cancel();
    };
    asio::co_spawn(executor, handler(std::move(stream), connection),
                   asio::bind_cancellation_slot(connection->slot(), std::move(ended)));
  }

  asio::any_io_executor executor;
  std::string name;
  std::size_t max_connections;
  Handler handler;
  std::function<bool(Stream&)> admission;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  asio::steady_timer changed;  // Cancelled whenever a connection ends or the server stops.
  bool stopping = false;

  static asio::awaitable<void> wait_for_change(std::shared_ptr<State> state) {
    co_await state->changed.async_wait(kAsResult);
  }

  static asio::awaitable<void> accept_all(std::shared_ptr<State> state,
                                          std::shared_ptr<Listener> listener) {
    while (!listener->closed()) {
      if (state->connections.size() >= state->max_connections) {
        co_await wait_for_change(state);
        continue;
      }
      auto stream = co_await listener->accept();
      if (stream) {
        const bool wanted = !state->admission || state->admission(*stream);
        if (wanted && !state->stopping) state->serve(*std::move(stream));
      } else if (!listener->closed()) {
        log::warning(state->name + ": cannot accept: " + stream.error().detail);
        asio::steady_timer pause(state->executor, kPauseAfterFailedAccept);
        co_await pause.async_wait(kAsResult);
      }
    }
  }

  // Waits until no connection is left, but not past `limit`.
  static asio::awaitable<void> wait_until_empty(std::shared_ptr<State> state, milliseconds limit) {
    auto expired = std::make_shared<bool>(false);
    asio::steady_timer timer(state->executor, limit);
    timer.async_wait([state, expired](const boost::system::error_code& error) {
      if (error) return;
      *expired = true;
      state->changed.cancel();
    });
    while (!state->connections.empty() && !*expired) co_await wait_for_change(state);
  }
};

StreamServer::StreamServer(asio::any_io_executor executor, std::string name,
                           std::size_t max_connections, Handler handler)
    : state_(std::make_shared<State>(std::move(executor), std::move(name), max_connections,
                                     std::move(handler))) {}

StreamServer::~StreamServer() {
  state_->stopping = true;
  for (const auto& listener : state_->listeners) listener->close();
}

void StreamServer::admit(std::function<bool(Stream&)> admission) {
  state_->admission = std::move(admission);
}

Result<Endpoint> StreamServer::listen(const Endpoint& endpoint) {
  COFFERDAM_TRY(auto opened, Listener::open(state_->executor, endpoint));
  return listen(std::move(opened));
}

Endpoint StreamServer::listen(Listener opened) {
  auto listener = std::make_shared<Listener>(std::move(opened));
  state_->listeners.push_back(listener);
  asio::co_spawn(state_->executor, State::accept_all(state_, listener),
                 [name = state_->name](const std::exception_ptr& thrown) {
                   if (thrown) report(name, thrown);
                 });
  return listener->endpoint();
}

void StreamServer::stop() {
  asio::dispatch(state_->executor, [state = state_] { state->stop(); });
}

Task<void> StreamServer::drain(milliseconds grace) {
  const auto state = state_;
  state->stop();
  co_await State::wait_until_empty(state, grace);
  state->cut_off_all();
  co_await State::wait_until_empty(state, kTimeToUnwind);
  if (!state->connections.empty()) {
    co_return fail(Errc::internal, state->name + ": a connection does not end");
  }
  co_return Status();
}

std::size_t StreamServer::open_connections() const noexcept { return state_->connections.size(); }

}  // namespace cofferdam::net
