// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "crypto/digest.h"
#include "net/peer.h"
#include "policy/rego_input.h"

namespace cofferdam::agent {

// Who asks, as far as the kernel says; nobody where it says nothing.
using Caller = std::optional<policy::PeerInput>;

// Finds the process at the other end of a connection to one of our own interfaces, for the
// measured policy (agent/gate.h).
//
// On a Unix socket the kernel kept user, group and pid of whoever connected, and a pidfd
// shows that the pid still means that process (Linux 6.5). On loopback TCP the owner of the
// connection is in /proc/net/tcp, and its process is the one that has the socket open; where
// several have, or none that we find within bounds, only the user is known. What is not
// known stays empty, and a rule that needs it is undefined and denies.
//
// The executable is the one that runs when the connection begins: of a script it is the
// interpreter. A process that may run an allowed program can connect first and become it
// then, so a digest tells programs apart and is no boundary between those of one user; users
// are. Digests are kept by what stat() says of the file, the time of its last change
// included, which nobody can set.
//
// For one thread.
class PeerIdentifier {
 public:
  struct Options {
    std::string proc = "/proc";
    std::string root = "/";  // Of the workload: left out of executables' paths.
    std::uint64_t max_executable = std::uint64_t{512} * 1024 * 1024;
  };
  PeerIdentifier() : PeerIdentifier(Options()) {}
  explicit PeerIdentifier(Options options) : options_(std::move(options)) {}

  // `process` is a pidfd of the peer, or invalid. Reads of large executables let other work
  // in. Never fails: what cannot be found out is absent.
  Task<Caller> identify(net::PeerIdentity peer, std::shared_ptr<const UniqueFd> process);

  std::size_t digests_made() const noexcept { return digests_made_; }

 private:
  // What is the same as long as the content is.
  using FileKey = std::tuple<dev_t, ino_t, off_t, std::int64_t, std::int64_t>;
  struct Owner {
    uid_t uid = 0;
    std::optional<pid_t> pid;
    std::string descriptor;  // Path of the link in /proc that shows the socket.
  };

  std::optional<Owner> owner_of(const net::PeerIdentity::TcpConnection& connection) const;
  void find_process(std::uint64_t inode, Owner* owner) const;
  Task<void> add_executable(policy::PeerInput* peer);
  std::optional<std::string> path_seen_inside(const std::string& link) const;
  Task<std::optional<crypto::Sha384>> digest_of(int file, struct stat before);

  static FileKey key_of(const struct stat& info);

  Options options_;
  std::map<FileKey, crypto::Sha384> digests_;
  std::size_t digests_made_ = 0;
};

}  // namespace cofferdam::agent
