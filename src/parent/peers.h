// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string_view>

#include "base/result.h"
#include "net/peer.h"

namespace cofferdam::parent {

// Who may connect to the endpoints of an enclave: machines by vsock CID, processes on this
// machine by user. Nothing named: everybody. Otherwise a peer that is not named is not
// served, nor one of whom nothing is known, such as over TCP. One enclave that has been
// broken so cannot use what was given to another.
class AllowedPeers {
 public:
  // "cid:N" or "uid:N".
  Status add(std::string_view text);

  bool admits(const net::PeerIdentity& peer) const;

 private:
  std::set<std::uint32_t> cids_;
  std::set<uid_t> uids_;
};

}  // namespace cofferdam::parent
