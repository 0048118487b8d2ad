// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "base/file.h"
#include "net/endpoint.h"
#include "net/stream.h"

namespace cofferdam::net {

// Connects within `limit`. A TCP name is looked up each time and all its addresses are
// tried in turn. The error is Errc::unavailable or Errc::deadline_exceeded and names the
// endpoint.
Task<Stream> connect(Endpoint endpoint, std::chrono::milliseconds limit);

// Two streams joined to each other inside this process.
Result<std::pair<Stream, Stream>> stream_pair(boost::asio::any_io_executor executor);

// A listening socket.
//
// A Unix socket file is made with mode 0600; a file left behind by a dead process is
// replaced, one that somebody still answers is not; the file is removed on close().
// Use it from the executor's thread only.
class Listener {
 public:
  // Errc::unavailable with the cause and what to do, such as a port in use.
  static Result<Listener> open(boost::asio::any_io_executor executor, const Endpoint& endpoint);

  // Takes over a socket that listens already, such as one from the service manager.
  // `endpoint` is where it listens. Its file, if it has one, is its maker's to remove.
  static Result<Listener> adopt(boost::asio::any_io_executor executor, UniqueFd socket,
                                const Endpoint& endpoint);

  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;
  ~Listener();

  // The endpoint asked for, with the port that was chosen where 0 was asked.
  const Endpoint& endpoint() const noexcept;

  // Waits for the next connection, without a deadline. Errc::unavailable may be passing
  // (out of descriptors); after close() it always fails.
  Task<Stream> accept();

  bool closed() const noexcept;
  void close() noexcept;

 private:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::net
