// SPDX-License-Identifier: Apache-2.0
#include "net/socket_transport.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <sstream>

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);

bool is_tcp(const Socket::endpoint_type& address) noexcept {
  const int family = address.protocol().family();
  return family == AF_INET || family == AF_INET6;
}

}  // namespace

Task<std::size_t> SocketTransport::read_some(std::span<std::uint8_t> into) {
  const auto buffer = asio::buffer(into.data(), into.size());
  const auto [error, size] = co_await socket_.async_read_some(buffer, kAsResult);
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return broken(error);
  co_return size;
}

Task<void> SocketTransport::write(ByteView head, ByteView body) {
  const std::array buffers{asio::buffer(head.data(), head.size()),
                           asio::buffer(body.data(), body.size())};
  const auto [error, size] = co_await asio::async_write(socket_, buffers, kAsResult);
  if (error) co_return broken(error);
  co_return Status();
}

Task<void> SocketTransport::shutdown_write() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) co_return broken(error);
  co_return Status();
}

void SocketTransport::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

std::string SocketTransport::peer() const { return peer_text(socket_); }

Stream make_stream(Socket socket) {
  close_on_exec(socket.native_handle());
  boost::system::error_code ignored;
  if (is_tcp(socket.local_endpoint(ignored))) {
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  return Stream(std::make_unique<SocketTransport>(std::move(socket)));
}

Socket* plain_socket(Stream& stream) noexcept {
  auto* transport = dynamic_cast<SocketTransport*>(&stream.transport());
  return transport == nullptr ? nullptr : &transport->socket();
}

std::string peer_text(const Socket& socket) {
  boost::system::error_code error;
  const auto address = socket.remote_endpoint(error);
  if (error) return "unknown";
  if (address.protocol().family() == AF_UNIX) return "unix";
  if (address.protocol().family() == AF_VSOCK) {
    sockaddr_vm vsock{};
    std::memcpy(&vsock, address.data(), std::min(sizeof vsock, address.size()));
    return "vsock:" + std::to_string(vsock.svm_cid);
  }
  if (!is_tcp(address)) return "unknown";
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), address.data(), std::min(tcp.capacity(), address.size()));
  std::ostringstream text;
  text << tcp;
  return text.str();
}

void close_on_exec(int fd) noexcept { fcntl(fd, F_SETFD, FD_CLOEXEC); }

std::unexpected<Error> broken(const boost::system::error_code& error) {
  return fail(Errc::unavailable, error.message());
}

}  // namespace cofferdam::net
