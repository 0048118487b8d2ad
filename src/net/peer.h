// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "base/file.h"
#include "net/stream.h"

namespace cofferdam::net {

// Who is at the other end of a plain stream, as the kernel tells and not the peer. For a
// Unix socket it is the process that connected (SO_PEERCRED), for vsock the machine, for TCP
// an address only. Of a stream that is not plain nothing is known.
struct PeerIdentity {
  struct Process {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
  };

  // IPv4 alone: what our own loopback interfaces listen on.
  struct TcpConnection {
    std::array<std::uint8_t, 4> local_address{};
    std::array<std::uint8_t, 4> remote_address{};
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
  };

  std::optional<std::uint32_t> cid;
  std::optional<Process> process;
  std::optional<TcpConnection> tcp;
};

PeerIdentity peer_identity(Stream& stream);

// A descriptor of the process that connected to a Unix socket (SO_PEERPIDFD, Linux 6.5),
// which stays its own when the pid is used again. Invalid where the kernel cannot say.
UniqueFd peer_process(Stream& stream);

}  // namespace cofferdam::net
