// SPDX-License-Identifier: Apache-2.0
#include "parent/service_manager.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace cofferdam::parent {
namespace {

constexpr int kFirstSocket = 3;  // SD_LISTEN_FDS_START
constexpr int kMostSockets = 64;

template <class Number>
std::optional<Number> number(const ServiceManager::Environment& environment, const char* name) {
  const char* const text = environment(name);
  if (text == nullptr) return std::nullopt;
  Number value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool is_ours(const ServiceManager::Environment& environment, const char* name) {
  const auto pid = number<pid_t>(environment, name);
  return !pid || *pid == getpid();
}

std::optional<net::Endpoint> endpoint_of(const sockaddr_storage& address, socklen_t size) {
  if (address.ss_family == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&address);
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    return net::UnixAddress{std::string(local->sun_path, strnlen(local->sun_path, length))};
  }
  if (address.ss_family == AF_VSOCK) {
    const auto* vsock = reinterpret_cast<const sockaddr_vm*>(&address);
    return net::VsockAddress{.cid = vsock->svm_cid, .port = vsock->svm_port};
  }
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return std::nullopt;
  boost::asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), &address, std::min<std::size_t>(size, tcp.capacity()));
  return net::TcpAddress{.host = tcp.address().to_string(), .port = tcp.port()};
}

bool listens_at(int fd, const net::Endpoint& endpoint) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  return endpoint_of(address, size) == endpoint;
}

}  // namespace

ServiceManager::ServiceManager(const Environment& environment) {
  const char* const socket = environment("NOTIFY_SOCKET");
  if (socket != nullptr) notify_socket_ = socket;
  const auto allowed = number<std::uint64_t>(environment, "WATCHDOG_USEC");
  if (allowed && *allowed > 1 && is_ours(environment, "WATCHDOG_PID")) {
    watchdog_ = std::chrono::microseconds(*allowed / 2);
  }
  const auto count = number<int>(environment, "LISTEN_FDS");
  if (!count || environment("LISTEN_PID") == nullptr || !is_ours(environment, "LISTEN_PID")) return;
  for (int fd = kFirstSocket; fd < kFirstSocket + std::min(*count, kMostSockets); ++fd) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets_.emplace_back(fd);
  }
}

Status ServiceManager::notify(std::string_view state) const {
  if (notify_socket_.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (notify_socket_.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_input, "NOTIFY_SOCKET is too long");
  }
  std::ranges::copy(notify_socket_, std::begin(address.sun_path));
  if (notify_socket_.front() == '@') address.sun_path[0] = '\0';  // In the abstract namespace.
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket_.size());
  const ssize_t sent = sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  if (sent < 0) return fail(Errc::unavailable, "NOTIFY_SOCKET: " + errno_text(errno));
  return {};
}

UniqueFd ServiceManager::take_socket(const net::Endpoint& endpoint) {
  const auto found = std::ranges::find_if(
      sockets_, [&](const UniqueFd& socket) { return listens_at(socket.get(), endpoint); });
  if (found == sockets_.end()) return {};
  UniqueFd out = std::move(*found);
  sockets_.erase(found);
  return out;
}

}  // namespace cofferdam::parent
