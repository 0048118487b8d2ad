// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/endpoint.h"
#include "net/stream.h"

namespace cofferdam::net {

using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

struct DialerOptions {
  // The C library does not tell how long an answer holds, so it is kept for a short time
  // only. A failure is kept for less: long enough to spare a broken resolver a storm.
  std::chrono::milliseconds keep_answer{5'000};
  std::chrono::milliseconds keep_failure{1'000};
  std::size_t max_names = 1024;
  std::function<Task<Addresses>(std::string host, std::uint16_t port)> lookup;  // Default: resolve.
};

struct DialerCounts {
  std::uint64_t lookups = 0;   // Asked of the resolver.
  std::uint64_t failures = 0;  // Of those.
  std::uint64_t kept = 0;      // Answered from memory, or by a lookup under way.
};

// Connects to names of which many connections are made.
//
// Connections to one name that come together share one lookup, and a caller that gives up
// leaves it running for the others. All addresses are tried in turn. A name none of whose
// addresses could be reached is looked up anew next time. A lookup that fails, fails the
// connections that wait for it and nothing else.
//
// One thread, that of the executor. Must outlive the tasks of connect().
class Dialer {
 public:
  Dialer(boost::asio::any_io_executor executor, DialerOptions options = {});
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;
  ~Dialer();

  // As net::connect(): Errc::unavailable or Errc::deadline_exceeded, naming the address.
  Task<Stream> connect(TcpAddress address, std::chrono::milliseconds limit);

  const DialerCounts& counts() const noexcept { return *counts_; }

 private:
  struct Lookup;
  using Shared = std::shared_ptr<Lookup>;

  Task<Stream> connect_to(TcpAddress address, std::chrono::milliseconds limit);
  Shared find(const TcpAddress& address);
  void start(const TcpAddress& address, const Shared& lookup);
  void make_room();

  boost::asio::any_io_executor executor_;
  DialerOptions options_;
  std::shared_ptr<DialerCounts> counts_;  // Shared with lookups, which may outlive this.
  std::map<TcpAddress, Shared> lookups_;
};

}  // namespace cofferdam::net
