// SPDX-License-Identifier: Apache-2.0
#include "run/heartbeat.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace cofferdam::run {
namespace {

constexpr std::uint8_t kBeat = 0xb7;

}  // namespace

Result<Heartbeat> Heartbeat::listen(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_input,
                text + " is too long for a socket; choose a shorter --vsock-dir");
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  unlink(text.c_str());
  // bind() and listen() take the address of any family.
  if (!fd.valid() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(text.c_str(), 0600) != 0 || ::listen(fd.get(), 1) != 0) {
    return fail(Errc::unavailable, "cannot listen on " + text + ": " + errno_text(errno));
  }
  return Heartbeat(std::move(fd));
}

bool Heartbeat::handle() noexcept {
  if (!peer_.valid()) {
    peer_ = UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return false;
  }
  std::uint8_t byte = 0;
  const ssize_t got = recv(peer_.get(), &byte, 1, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  const bool beat = got == 1 && byte == kBeat && send(peer_.get(), &byte, 1, MSG_NOSIGNAL) == 1;
  peer_ = UniqueFd();
  return beat;
}

}  // namespace cofferdam::run
