// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <vector>

#include "net/stream.h"

// For this folder only: the socket below a plain Stream.
namespace cofferdam::net {

using Socket = boost::asio::generic::stream_protocol::socket;

class SocketTransport final : public Stream::Transport {
 public:
  explicit SocketTransport(Socket socket) noexcept : socket_(std::move(socket)) {}

  Task<std::size_t> read_some(std::span<std::uint8_t> into) override;
  Task<void> write(ByteView head, ByteView body) override;
  Task<void> shutdown_write() override;
  void close() noexcept override;
  std::string peer() const override;

  Socket& socket() noexcept { return socket_; }

 private:
  Socket socket_;
};

// Sends small writes at once where the socket is TCP.
Stream make_stream(Socket socket);

// The socket of a plain stream; null for any other.
Socket* plain_socket(Stream& stream) noexcept;

// The other side's address of a connected socket, as Stream::peer() words it.
std::string peer_text(const Socket& socket);

// Tries the addresses one after the other. Each gets an equal part of what time is left, so
// that one that swallows packets cannot use up the time of the others.
Task<Stream> connect_in_turn(std::vector<boost::asio::ip::tcp::endpoint> addresses,
                             std::chrono::milliseconds limit);

// Keeps the descriptor from programs that this process starts; Asio does not.
void close_on_exec(int fd) noexcept;

// Errc::unavailable with the system's text.
std::unexpected<Error> broken(const boost::system::error_code& error);

}  // namespace cofferdam::net
