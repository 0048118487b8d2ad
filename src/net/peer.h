// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "net/stream.h"

namespace cofferdam::net {

// Who is at the other end of a plain stream, as the kernel tells and not the peer. For a
// Unix socket it is the process that connected (SO_PEERCRED), for vsock the machine. Of TCP
// nothing is known, nor of a stream that is not plain.
struct PeerIdentity {
  struct Process {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
  };

  std::optional<std::uint32_t> cid;
  std::optional<Process> process;
};

PeerIdentity peer_identity(Stream& stream);

}  // namespace cofferdam::net
