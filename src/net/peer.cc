// SPDX-License-Identifier: Apache-2.0
#include "net/peer.h"

#include <linux/vm_sockets.h>
#include <sys/socket.h>

#include "net/socket_transport.h"

namespace cofferdam::net {

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
  return out;
}

}  // namespace cofferdam::net
