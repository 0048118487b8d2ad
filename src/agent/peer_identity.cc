// SPDX-License-Identifier: Apache-2.0
#include "agent/peer_identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxConnections = 65'536;  // Lines of /proc/net/tcp.
constexpr std::size_t kMaxDescriptors = 65'536;  // Looked at in a search, of all processes.
constexpr std::size_t kMaxDigests = 256;
constexpr std::size_t kChunk = std::size_t{1024} * 1024;
constexpr std::string_view kDeleted = " (deleted)";

template <class T>
std::optional<T> number(std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<std::string> read_link(const std::string& path) {
  std::array<char, 4096> out{};
  const ssize_t size = readlink(path.c_str(), out.data(), out.size());
  if (size < 0 || static_cast<std::size_t>(size) == out.size()) return std::nullopt;
  return std::string(out.data(), static_cast<std::size_t>(size));
}

// The kernel prints an address as the number that its four bytes are in memory.
std::string address_text(const std::array<std::uint8_t, 4>& address, std::uint16_t port) {
  std::uint32_t word = 0;
  std::memcpy(&word, address.data(), sizeof word);
  std::array<char, 16> out{};
  std::snprintf(out.data(), out.size(), "%08X:%04X", word, port);
  return out.data();
}

// The same as an IPv6 socket has it: ::ffff:127.0.0.1.
std::string mapped(const std::string& address) { return "0000000000000000FFFF0000" + address; }

struct TableEntry {
  uid_t uid = 0;
  std::uint64_t inode = 0;
};

// "  sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode"
std::optional<TableEntry> find_connection(const std::string& table, std::string_view local,
                                          std::string_view remote) {
  std::ifstream lines(table);
  std::string line;
  for (std::size_t count = 0; count < kMaxConnections && std::getline(lines, line); ++count) {
    std::istringstream fields(line);
    std::array<std::string, 10> field;
    for (std::string& one : field) fields >> one;
    if (field[1] != local || field[2] != remote) continue;
    const auto uid = number<uid_t>(field[7]);
    const auto inode = number<std::uint64_t>(field[9]);
    if (!uid || !inode) return std::nullopt;
    return TableEntry{*uid, *inode};
  }
  return std::nullopt;
}

std::vector<std::string> numbered_entries(const std::string& folder) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  if (open == nullptr) return out;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (number<std::uint32_t>(name)) out.emplace_back(name);
  }
  return out;
}

// The second of "Gid: real effective saved file".
std::optional<gid_t> effective_group(const std::string& status) {
  std::ifstream lines(status);
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.starts_with("Gid:")) continue;
    std::istringstream fields(line);
    std::array<std::string, 3> field;
    for (std::string& one : field) fields >> one;
    return number<gid_t>(field[2]);
  }
  return std::nullopt;
}

bool has_ended(int pidfd) {
  pollfd wait{.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&wait, 1, 0) != 0;
}

}  // namespace

PeerIdentifier::FileKey PeerIdentifier::key_of(const struct stat& info) {
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return {info.st_dev, info.st_ino, info.st_size, nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

// Our side of the connection is the remote one of theirs.
std::optional<PeerIdentifier::Owner> PeerIdentifier::owner_of(
    const net::PeerIdentity::TcpConnection& connection) const {
  const std::string local = address_text(connection.remote_address, connection.remote_port);
  const std::string remote = address_text(connection.local_address, connection.local_port);
  auto entry = find_connection(options_.proc + "/net/tcp", local, remote);
  if (!entry) {
    entry = find_connection(options_.proc + "/net/tcp6", mapped(local), mapped(remote));
  }
  if (!entry) return std::nullopt;
  Owner out;
  out.uid = entry->uid;
  find_process(entry->inode, &out);
  return out;
}

void PeerIdentifier::find_process(std::uint64_t inode, Owner* owner) const {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  std::size_t looked_at = 0;
  for (const std::string& pid : numbered_entries(options_.proc)) {
    const std::string folder = options_.proc + "/" + pid + "/fd";
    for (const std::string& descriptor : numbered_entries(folder)) {
      const std::string path = folder + "/" + descriptor;
      if (++looked_at > kMaxDescriptors) return owner->pid.reset();
      if (read_link(path) != wanted) continue;
      if (owner->pid) return owner->pid.reset();  // Nobody knows which of them asks.
      owner->pid = number<pid_t>(pid);
      owner->descriptor = path;
      break;
    }
  }
}

Task<Caller> PeerIdentifier::identify(net::PeerIdentity peer,
                                      std::shared_ptr<const UniqueFd> process) {
  policy::PeerInput out;
  std::optional<Owner> owner;
  std::optional<std::string> socket;
  if (peer.process) {
    out.uid = peer.process->uid;
    out.gid = peer.process->gid;
    out.pid = peer.process->pid;
  } else if (peer.tcp) {
    owner = owner_of(*peer.tcp);
    if (!owner) co_return Caller();
    out.uid = owner->uid;
    out.pid = owner->pid;
    if (out.pid) {
      out.gid = effective_group(options_.proc + "/" + std::to_string(*out.pid) + "/status");
      socket = read_link(owner->descriptor);
    }
  } else {
    co_return Caller();
  }
  if (out.pid) COFFERDAM_CO_CHECK(co_await add_executable(&out));
  // What was read is that of another process if this one ended meanwhile.
  const bool gone = (process != nullptr && process->valid() && has_ended(process->get())) ||
                    (owner && owner->pid && read_link(owner->descriptor) != socket);
  if (gone) {
    out.pid.reset();
    out.executable.reset();
    out.sha384.reset();
  }
  co_return Caller(std::move(out));
}

Task<void> PeerIdentifier::add_executable(policy::PeerInput* peer) {
  const std::string link = options_.proc + "/" + std::to_string(*peer->pid) + "/exe";
  const UniqueFd file(open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) co_return Status();
  peer->executable = path_seen_inside(link);
  COFFERDAM_CO_TRY(peer->sha384, co_await digest_of(file.get(), info));
  co_return Status();
}

std::optional<std::string> PeerIdentifier::path_seen_inside(const std::string& link) const {
  auto path = read_link(link);
  if (!path || path->ends_with(kDeleted)) return std::nullopt;
  const std::string prefix = options_.root + "/";
  if (options_.root != "/" && path->starts_with(prefix)) path->erase(0, options_.root.size());
  return path;
}

Task<std::optional<crypto::Sha384>> PeerIdentifier::digest_of(int file, struct stat before) {
  using Digest = std::optional<crypto::Sha384>;
  const FileKey key = key_of(before);
  if (const auto known = digests_.find(key); known != digests_.end()) {
    co_return Digest(known->second);
  }
  if (static_cast<std::uint64_t>(before.st_size) > options_.max_executable) co_return Digest();
  crypto::Sha384Stream stream;
  Bytes chunk(kChunk);
  for (off_t at = 0; at < before.st_size;) {
    const ssize_t size = pread(file, chunk.data(), chunk.size(), at);
    if (size <= 0) co_return Digest();
    stream.update(ByteView(chunk).first(static_cast<std::size_t>(size)));
    at += size;
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
  }
  struct stat after{};
  if (fstat(file, &after) != 0 || key_of(after) != key) co_return Digest();
  ++digests_made_;
  if (digests_.size() == kMaxDigests) digests_.clear();
  co_return Digest(digests_.emplace(key, stream.finish()).first->second);
}

}  // namespace cofferdam::agent
