// SPDX-License-Identifier: Apache-2.0
// The load generator of tools/bench-proxy: a destination and the clients that reach it
// through a proxy, or directly for comparison.
//
// usage: proxy_load LABEL UPSTREAM_PORT ENDPOINT connect|plain PROXY_PID|0 SECONDS
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "net/socket.h"
#include "net/stream_server.h"

namespace {

using namespace cofferdam;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;
namespace asio = boost::asio;

constexpr std::size_t kBlock = std::size_t{64} * 1024;
constexpr std::size_t kMessage = 64;
constexpr std::size_t kManyConnections = 5'000;

std::atomic<std::uint64_t> discarded{0};

// The destination: echoes after 'E', discards after 'D'.
Task<void> serve(net::Stream stream, std::shared_ptr<net::ServedConnection>) {
  std::vector<std::uint8_t> room(kBlock);
  COFFERDAM_CO_TRY(std::size_t size, co_await stream.read_some(std::span(room).first(1)));
  const bool echo = size == 1 && room.front() == 'E';
  for (;;) {
    COFFERDAM_CO_TRY(size, co_await stream.read_some(room));
    if (size == 0) co_return Status();
    if (!echo) {
      discarded += size;
      continue;
    }
    COFFERDAM_CO_CHECK(co_await stream.write(ByteView(room).first(size)));
  }
}

struct Way {
  std::string label;
  net::Endpoint endpoint;
  std::string connect;  // The target of CONNECT; empty for a plain relay.
};

Task<net::Stream> open(const Way& way, char mode) {
  COFFERDAM_CO_TRY(auto stream, co_await net::connect(way.endpoint, 20s));
  if (!way.connect.empty()) {
    const std::string request = "CONNECT " + way.connect + " HTTP/1.1\r\nHost: a\r\n\r\n";
    COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(request)));
    std::string answer;
    std::array<std::uint8_t, 256> room{};
    while (!answer.ends_with("\r\n\r\n")) {
      COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(room));
      if (size == 0) co_return fail(Errc::unavailable, "the proxy closed");
      answer += as_text(ByteView(room).first(size));
    }
    if (!answer.starts_with("HTTP/1.1 200")) co_return fail(Errc::denied, "the proxy refused");
  }
  const std::array first{static_cast<std::uint8_t>(mode)};
  COFFERDAM_CO_CHECK(co_await stream.write(first));
  co_return stream;
}

Task<void> ping(net::Stream& stream) {
  std::array<std::uint8_t, kMessage> message{};
  COFFERDAM_CO_CHECK(co_await stream.write(message));
  for (std::size_t got = 0; got < kMessage;) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(message));
    if (size == 0) co_return fail(Errc::unavailable, "the proxy closed");
    got += size;
  }
  co_return Status();
}

Task<void> send_until(const Way& way, SteadyClock::time_point end) {
  COFFERDAM_CO_TRY(auto stream, co_await open(way, 'D'));
  const Bytes block(kBlock, 'x');
  while (SteadyClock::now() < end) COFFERDAM_CO_CHECK(co_await stream.write(block));
  co_return Status();
}

Task<void> connect_until(const Way& way, SteadyClock::time_point end, std::uint64_t& count) {
  while (SteadyClock::now() < end) {
    COFFERDAM_CO_TRY(auto stream, co_await open(way, 'E'));
    COFFERDAM_CO_CHECK(co_await ping(stream));
    ++count;
  }
  co_return Status();
}

Task<void> ping_until(const Way& way, SteadyClock::time_point end, std::vector<double>& taken) {
  COFFERDAM_CO_TRY(auto stream, co_await open(way, 'E'));
  while (SteadyClock::now() < end) {
    const auto begin = SteadyClock::now();
    COFFERDAM_CO_CHECK(co_await ping(stream));
    taken.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count());
  }
  co_return Status();
}

Task<void> open_one(const Way& way, std::vector<net::Stream>& into) {
  COFFERDAM_CO_TRY(auto stream, co_await open(way, 'E'));
  COFFERDAM_CO_CHECK(co_await ping(stream));
  into.push_back(std::move(stream));
  co_return Status();
}

// Runs tasks together to their end. How many failed.
class Together {
 public:
  void add(Task<void> task) {
    asio::co_spawn(io_, std::move(task), [this](const std::exception_ptr& thrown, Status status) {
      if (!thrown && status) return;
      if (failed_++ == 0 && !thrown) std::fprintf(stderr, "%s\n", status.error().detail.c_str());
    });
  }
  std::size_t run() {
    io_.restart();
    io_.run();
    return failed_;
  }

 private:
  asio::io_context io_{1};
  std::size_t failed_ = 0;
};

void measure_throughput(const Way& way, std::size_t streams, std::chrono::seconds time) {
  Together all;
  discarded = 0;
  const auto begin = SteadyClock::now();
  for (std::size_t i = 0; i < streams; ++i) all.add(send_until(way, begin + time));
  const std::size_t failed = all.run();
  const std::chrono::duration<double> took = SteadyClock::now() - begin;
  std::printf("%-10s %4zu streams     %9.0f MiB/s   %zu failed\n", way.label.c_str(), streams,
              static_cast<double>(discarded) / took.count() / 1048576.0, failed);
}

void measure_connections(const Way& way, std::chrono::seconds time) {
  Together all;
  std::array<std::uint64_t, 16> counts{};
  const auto begin = SteadyClock::now();
  for (auto& count : counts) all.add(connect_until(way, begin + time, count));
  const std::size_t failed = all.run();
  std::uint64_t sum = 0;
  for (const auto count : counts) sum += count;
  std::printf("%-10s connections      %9.0f /s      %zu failed\n", way.label.c_str(),
              static_cast<double>(sum) / static_cast<double>(time.count()), failed);
}

void measure_latency(const Way& way, std::chrono::seconds time) {
  Together all;
  std::vector<double> taken;
  all.add(ping_until(way, SteadyClock::now() + time, taken));
  const std::size_t failed = all.run();
  if (taken.empty()) taken.push_back(0);
  std::ranges::sort(taken);
  std::printf("%-10s 64 bytes, there and back  p50 %.1f us   p99 %.1f us   %zu failed\n",
              way.label.c_str(), taken[taken.size() / 2], taken[taken.size() * 99 / 100], failed);
}

std::string resident(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return line.substr(6);
  }
  return " unknown";
}

void measure_many(const Way& way, const std::string& pid) {
  asio::io_context io(1);
  std::vector<net::Stream> open;
  std::size_t failed = 0;
  const auto begin = SteadyClock::now();
  const std::string before = resident(pid);
  for (std::size_t i = 0; i < kManyConnections; i += 100) {
    for (std::size_t j = 0; j < 100; ++j) {
      asio::co_spawn(io, open_one(way, open),
                     [&failed](const std::exception_ptr& thrown, const Status& status) {
                       if (thrown || !status) ++failed;
                     });
    }
    io.restart();
    io.run();
  }
  const std::chrono::duration<double> took = SteadyClock::now() - begin;
  std::printf("%-10s %zu open in %.1f s, %zu failed; proxy resident%s before,%s now\n",
              way.label.c_str(), open.size(), took.count(), failed, before.c_str(),
              resident(pid).c_str());
  std::vector<double> taken;
  for (std::size_t i = 0; i < open.size(); i += 7) {
    const auto one = SteadyClock::now();
    asio::co_spawn(io, ping(open[i]), asio::detached);
    io.restart();
    io.run();
    taken.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - one).count());
  }
  if (taken.empty()) return;
  std::ranges::sort(taken);
  std::printf("%-10s with them open   p50 %.1f us   p99 %.1f us\n", way.label.c_str(),
              taken[taken.size() / 2], taken[taken.size() * 99 / 100]);
}

int usage() {
  std::fprintf(
      stderr, "usage: proxy_load LABEL UPSTREAM_PORT ENDPOINT connect|plain PROXY_PID|0 SECONDS\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return usage();
  const auto endpoint = net::parse_endpoint(argv[3]);
  if (!endpoint) return usage();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  const auto port = static_cast<std::uint16_t>(std::atoi(argv[2]));
  const std::string upstream = "127.0.0.1:" + std::to_string(port);
  const Way way{.label = argv[1],
                .endpoint = *endpoint,
                .connect = std::string(argv[4]) == "connect" ? upstream : ""};
  const std::chrono::seconds time(std::atoi(argv[6]));

  asio::io_context io(1);
  net::StreamServer server(io.get_executor(), "upstream", 2 * kManyConnections, serve);
  if (!server.listen(net::TcpAddress{"127.0.0.1", port})) return 3;
  std::jthread thread([&io] { io.run(); });
  for (const std::size_t streams : {1U, 8U, 64U}) measure_throughput(way, streams, time);
  measure_connections(way, time);
  measure_latency(way, time);
  if (std::string(argv[5]) != "0") measure_many(way, argv[5]);
  io.stop();
  return 0;
}
