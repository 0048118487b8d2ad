// SPDX-License-Identifier: Apache-2.0
#include "net/testing_relay.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/socket_base.hpp>
#include <mutex>
#include <utility>

#include "net/deadline.h"
#include "net/socket.h"
#include "net/socket_transport.h"
#include "net/stream_server.h"

namespace cofferdam::net::testing {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kBlockSize = std::size_t{16} * 1024;
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::size_t kMaxConnections = 4096;

// An abortive close: TCP sends a reset at once. A Unix socket just ends.
void reset(Stream& stream) {
  if (Socket* const socket = plain_socket(stream); socket != nullptr) {
    boost::system::error_code ignored;
    socket->set_option(asio::socket_base::linger(/*e=*/true, /*t=*/0), ignored);
  }
  stream.close();
}

// One direction of a connection, with the fault that lies on its way.
class Way {
 public:
  Way(Stream& from, Stream& to, Fault fault) : from_(from), to_(to), fault_(fault) {}

  // Ends when `from` has ended or either side is broken.
  Task<void> run() {
    for (;;) {
      const std::size_t limit = next_block();
      if (limit == 0) {
        COFFERDAM_CO_CHECK(co_await strike());
        continue;
      }
      COFFERDAM_CO_TRY(const std::size_t size, co_await from_.read_some(room(limit)));
      if (size == 0) co_return co_await end();
      COFFERDAM_CO_CHECK(co_await pass_on(size));
    }
  }

 private:
  std::span<std::uint8_t> room(std::size_t limit) { return std::span(block_).first(limit); }

  // How much may be read before something has to happen; zero: it has to happen now.
  std::size_t next_block() const {
    if (fault_.kind == Fault::Kind::none) return kBlockSize;
    if (position_ < fault_.at) return std::min<std::uint64_t>(kBlockSize, fault_.at - position_);
    if (fault_.kind == Fault::Kind::corrupt) return 1;
    if (!has_range()) return 0;
    return std::min<std::uint64_t>(kBlockSize, fault_.size - (position_ - fault_.at));
  }

  bool has_range() const {
    return fault_.kind == Fault::Kind::drop || fault_.kind == Fault::Kind::duplicate;
  }
  bool in_range() const { return position_ >= fault_.at; }

  // The fault's moment has come, between two bytes.
  Task<void> strike() {
    const Fault fault = std::exchange(fault_, Fault{});
    switch (fault.kind) {
      case Fault::Kind::delay: {
        asio::steady_timer timer(co_await asio::this_coro::executor, fault.delay);
        co_await timer.async_wait(asio::use_awaitable);
        co_return Status();
      }
      case Fault::Kind::duplicate: {
        const Bytes again = std::exchange(kept_, {});
        co_return co_await to_.write(again);
      }
      case Fault::Kind::truncate: {
        COFFERDAM_CO_CHECK(co_await to_.shutdown_write());
        COFFERDAM_CO_CHECK(co_await from_.shutdown_write());
        co_return fail(Errc::unavailable, "truncated as planned");
      }
      case Fault::Kind::reset:
        reset(to_);
        reset(from_);
        co_return fail(Errc::unavailable, "reset as planned");
      default:
        co_return Status();
    }
  }

  Task<void> pass_on(std::size_t size) {
    const auto block = room(size);
    const bool now = in_range();
    position_ += size;
    if (now && fault_.kind == Fault::Kind::drop) co_return Status();
    if (now && fault_.kind == Fault::Kind::duplicate) {
      kept_.insert(kept_.end(), block.begin(), block.end());
    }
    if (now && fault_.kind == Fault::Kind::corrupt) {
      block.front() ^= 1;
      fault_ = {};
    }
    co_return co_await to_.write(block);
  }

  // Whoever drops bytes drops the end as well: the receiver waits until drain().
  Task<void> end() {
    if (fault_.kind != Fault::Kind::drop || !in_range()) co_return co_await to_.shutdown_write();
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Status();
  }

  Stream& from_;
  Stream& to_;
  Fault fault_;
  std::uint64_t position_ = 0;
  Bytes kept_;
  std::array<std::uint8_t, kBlockSize> block_{};
};

// Reads on without a use for it, so that closing loses nothing that was sent before.
Task<void> swallow(Stream& stream) {
  std::array<std::uint8_t, 1024> unused{};
  for (;;) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(unused));
    if (size == 0) co_return Status();
  }
}

Task<void> carry_one_way(Stream& from, Stream& to, Fault fault) {
  Way way(from, to, fault);
  const Status status = co_await way.run();
  if (status) co_return status;
  co_return co_await swallow(from);
}

Task<void> carry(Stream client, Stream target, Fault fault) {
  using namespace asio::experimental::awaitable_operators;
  const bool inbound = fault.direction == Fault::Direction::to_client;
  auto out = carry_one_way(client, target, inbound ? Fault{} : fault);
  auto back = carry_one_way(target, client, inbound ? fault : Fault{});
  const auto [first, second] = co_await (std::move(out) && std::move(back));
  co_return first ? second : first;
}

}  // namespace

class FaultRelay::Impl {
 public:
  Impl(asio::any_io_executor executor, Endpoint target)
      : target_(std::move(target)),
        server_(std::move(executor), "fault relay", kMaxConnections,
                [this](Stream stream, std::shared_ptr<ServedConnection>) {
                  return serve(std::move(stream), next_fault());
                }) {}

  StreamServer& server() noexcept { return server_; }
  std::size_t connections() const noexcept { return connections_; }

  void plan(std::vector<Fault> faults, Fault afterwards) {
    const std::scoped_lock lock(mutex_);
    plan_ = std::move(faults);
    next_ = 0;
    afterwards_ = afterwards;
  }

 private:
  Fault next_fault() {
    ++connections_;
    const std::scoped_lock lock(mutex_);
    return next_ < plan_.size() ? plan_[next_++] : afterwards_;
  }

  Task<void> serve(Stream client, Fault fault) {
    if (fault.kind == Fault::Kind::refuse) {
      reset(client);
      co_return Status();
    }
    COFFERDAM_CO_TRY(auto target, co_await connect(target_, kConnectTimeout));
    co_return co_await carry(std::move(client), std::move(target), fault);
  }

  Endpoint target_;
  std::atomic<std::size_t> connections_{0};
  std::mutex mutex_;
  std::vector<Fault> plan_;
  std::size_t next_ = 0;
  Fault afterwards_;
  StreamServer server_;
};

FaultRelay::FaultRelay(asio::any_io_executor executor, Endpoint target)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(target))) {}
FaultRelay::~FaultRelay() = default;

Result<Endpoint> FaultRelay::listen(const Endpoint& endpoint) {
  return impl_->server().listen(endpoint);
}
void FaultRelay::plan(std::vector<Fault> faults, Fault afterwards) {
  impl_->plan(std::move(faults), afterwards);
}
std::size_t FaultRelay::connections() const noexcept { return impl_->connections(); }
Task<void> FaultRelay::drain() { return impl_->server().drain(std::chrono::milliseconds(0)); }

}  // namespace cofferdam::net::testing
