// SPDX-License-Identifier: Apache-2.0
#include "net/peer.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "net/socket_transport.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace cofferdam::net {
namespace {

std::array<std::uint8_t, 4> address_of(const sockaddr_in& from) {
  std::array<std::uint8_t, 4> out{};
  std::memcpy(out.data(), &from.sin_addr, out.size());
  return out;
}

std::optional<PeerIdentity::TcpConnection> tcp_connection(int fd, const sockaddr_in& remote) {
  sockaddr_in local{};
  socklen_t size = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) return std::nullopt;
  return PeerIdentity::TcpConnection{.local_address = address_of(local),
                                     .remote_address = address_of(remote),
                                     .local_port = ntohs(local.sin_port),
                                     .remote_port = ntohs(remote.sin_port)};
}

}  // namespace

PeerIdentity peer_identity(Stream& stream) {
  PeerIdentity out;
  Socket* const socket = plain_socket(stream);
  if (socket == nullptr) return out;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = socket->native_handle();
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return out;
  if (address.ss_family == AF_VSOCK) {
    out.cid = reinterpret_cast<const sockaddr_vm*>(&address)->svm_cid;
  }
  ucred credentials{};
  size = sizeof credentials;
  if (address.ss_family == AF_UNIX &&
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    out.process = {.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
  }
  if (address.ss_family == AF_INET) {
    out.tcp = tcp_connection(fd, *reinterpret_cast<const sockaddr_in*>(&address));
  }
  return out;
}

UniqueFd peer_process(Stream& stream) {
  Socket* const socket = plain_socket(stream);
  if (socket == nullptr) return {};
  int fd = -1;
  socklen_t size = sizeof fd;
  if (getsockopt(socket->native_handle(), SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0) return {};
  return UniqueFd(fd);
}

}  // namespace cofferdam::net
