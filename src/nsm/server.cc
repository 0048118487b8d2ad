// SPDX-License-Identifier: Apache-2.0
#include "nsm/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "bytes/byte_reader.h"
#include "nsm/unix_socket.h"

namespace cofferdam::nsm {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kAcceptPause{100};

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

// One peer: what it has sent of its next requests and what it has not yet read of the
// last answer. While an answer waits, nothing more is read: the peer sets the pace.
class Connection {
 public:
  explicit Connection(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  short events() const { return unsent_.empty() ? POLLIN : POLLOUT; }
  bool finished() const { return finished_; }
  // When an unfinished frame ends the connection; nothing while the peer is idle.
  std::optional<SteadyTime> deadline() const { return deadline_; }

  // Moves bytes in the direction that is ready and answers whatever is complete.
  void serve(Module& module, std::chrono::milliseconds frame_timeout) {
    if (unsent_.empty()) receive();
    bool progress = flush();
    while (!finished_ && unsent_.empty() && answer_next(module)) progress = flush() || progress;
    if (unsent_.empty() && closing_) finished_ = true;
    const bool idle = received_.empty() && unsent_.empty();
    if (idle) {
      deadline_.reset();
    } else if (progress || !deadline_) {
      deadline_ = std::chrono::steady_clock::now() + frame_timeout;
    }
  }

 private:
  void receive() {
    std::array<std::uint8_t, kMaxRequestSize + kFrameHeadSize> buffer;
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size() - received_.size(), 0);
    if (got > 0) {
      received_.insert(received_.end(), buffer.begin(), buffer.begin() + got);
    } else if (got == 0 || !would_block(errno)) {
      finished_ = true;
    }
  }

  // Answers the first buffered request, if it is there whole.
  bool answer_next(Module& module) {
    const Result<std::uint32_t> size = ByteReader(received_).u32();
    if (!size || closing_) return false;
    if (*size > kMaxRequestSize) {
      unsent_ = framed(encode(Response(ErrorResponse{.code = ErrorCode::input_too_large})));
      closing_ = true;
      return true;
    }
    const std::size_t end = kFrameHeadSize + *size;
    if (received_.size() < end) return false;
    unsent_ = framed(module.handle_bytes(ByteView(received_).subspan(kFrameHeadSize, *size)));
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(end));
    return true;
  }

  // Whether an answer left completely.
  bool flush() {
    if (unsent_.empty() || finished_) return false;
    const ssize_t sent = send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block(errno)) finished_ = true;
      return false;
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
    return unsent_.empty();
  }

  UniqueFd fd_;
  Bytes received_;
  Bytes unsent_;
  bool closing_ = false;   // Nothing more will be read; close once the answer has left.
  bool finished_ = false;  // Close now.
  std::optional<SteadyTime> deadline_;
};

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

std::optional<FileId> file_id(const std::filesystem::path& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return std::nullopt;
  return FileId{.device = info.st_dev, .inode = info.st_ino};
}

// Removes a socket file that nobody listens on. Anything else stays and is an error.
Status clear_stale(const std::filesystem::path& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Errc::unavailable, path.string() + " is there and is not a socket");
  }
  if (connect_unix(path)) {
    return fail(Errc::unavailable, "address in use: another process listens on " + path.string());
  }
  unlink(path.c_str());
  return {};
}

Result<UniqueFd> listen_on(const std::filesystem::path& path, unsigned mode) {
  COFFERDAM_TRY(const sockaddr_un address, unix_address(path));
  // Two servers that find the same stale file must not both replace it.
  COFFERDAM_TRY(const UniqueFd lock,
                lock_folder(path.has_parent_path() ? path.parent_path() : "."));
  COFFERDAM_CHECK(clear_stale(path));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The cast is the interface of the socket calls.
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (!fd.valid() || bind(fd.get(), generic, sizeof(address)) != 0 ||
      chmod(path.c_str(), mode) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    return fail(Errc::unavailable, "cannot listen on " + path.string() + ": " + errno_text(errno));
  }
  return fd;
}

}  // namespace

struct Server::Impl {
  std::filesystem::path path;
  ServerOptions options;
  Module& module;
  UniqueFd listener;
  UniqueFd wake;
  std::optional<FileId> socket_file;
  std::list<Connection> connections = {};
  std::optional<SteadyTime> accept_again = {};  // Set while accepting is paused.
  std::thread thread = {};

  void run() {
    while (true) {
      std::vector<pollfd> fds = poll_set();
      if (poll(fds.data(), fds.size(), poll_timeout()) < 0 && errno != EINTR) {
        return log::error("the security module stops: " + errno_text(errno));
      }
      if (fds[0].revents != 0) return;
      serve_ready(fds);
      if (fds[1].revents != 0) accept_one();
    }
  }

  // The wake-up first, the listener second, then the connections in order. A negative
  // descriptor is left out by poll().
  std::vector<pollfd> poll_set() {
    const auto now = std::chrono::steady_clock::now();
    if (accept_again && now >= *accept_again) accept_again.reset();
    const bool accepting = connections.size() < options.max_connections && !accept_again;
    std::vector<pollfd> fds;
    fds.push_back({.fd = wake.get(), .events = POLLIN, .revents = 0});
    fds.push_back({.fd = accepting ? listener.get() : -1, .events = POLLIN, .revents = 0});
    for (const Connection& peer : connections) {
      fds.push_back({.fd = peer.fd(), .events = peer.events(), .revents = 0});
    }
    return fds;
  }

  int poll_timeout() const {
    std::optional<SteadyTime> first = accept_again;
    for (const Connection& peer : connections) {
      const std::optional<SteadyTime> due = peer.deadline();
      if (due && (!first || *due < *first)) first = due;
    }
    if (!first) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*first - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  void serve_ready(const std::vector<pollfd>& fds) {
    const auto now = std::chrono::steady_clock::now();
    std::size_t at = 2;
    for (auto peer = connections.begin(); peer != connections.end(); ++at) {
      if (fds[at].revents != 0) peer->serve(module, options.frame_timeout);
      const std::optional<SteadyTime> due = peer->deadline();
      const bool late = due && *due <= now;
      peer = peer->finished() || late ? connections.erase(peer) : std::next(peer);
    }
  }

  void accept_one() {
    UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.valid()) {
      connections.emplace_back(std::move(fd));
    } else if (!would_block(errno) && errno != ECONNABORTED) {
      log::warning("the security module cannot accept a connection: " + errno_text(errno));
      accept_again = std::chrono::steady_clock::now() + kAcceptPause;
    }
  }

  void stop() {
    if (!thread.joinable()) return;
    const std::uint64_t one = 1;
    while (write(wake.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread.join();
    connections.clear();
    if (file_id(path) == socket_file) unlink(path.c_str());
    listener = UniqueFd();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }
void Server::stop() { impl_->stop(); }

Result<std::unique_ptr<Server>> Server::start(const std::filesystem::path& path, Module& module,
                                              const ServerOptions& options) {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return fail(Errc::unavailable, "eventfd: " + errno_text(errno));
  COFFERDAM_TRY(UniqueFd listener, listen_on(path, options.socket_mode));
  std::unique_ptr<Impl> impl(new Impl{.path = path,
                                      .options = options,
                                      .module = module,
                                      .listener = std::move(listener),
                                      .wake = std::move(wake),
                                      .socket_file = file_id(path)});
  impl->thread = std::thread([state = impl.get()] { state->run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace cofferdam::nsm
