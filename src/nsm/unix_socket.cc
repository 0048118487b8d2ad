// SPDX-License-Identifier: Apache-2.0
#include "nsm/unix_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <string>
#include <utility>

#include "bytes/byte_writer.h"

namespace cofferdam::nsm {
namespace {

constexpr timeval kTimeout{.tv_sec = 10, .tv_usec = 0};

}  // namespace

Result<sockaddr_un> unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof(address.sun_path)) {
    return fail(Errc::invalid_input,
                "socket path must have 1 to " + std::to_string(sizeof(address.sun_path) - 1) +
                    " bytes, found " + std::to_string(text.size()) + ": use a shorter folder");
  }
  text.copy(address.sun_path, text.size());
  return address;
}

Result<UniqueFd> connect_unix(const std::filesystem::path& path) {
  COFFERDAM_TRY(const sockaddr_un address, unix_address(path));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(Errc::unavailable, "cannot make a socket: " + errno_text(errno));
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    setsockopt(fd.get(), SOL_SOCKET, option, &kTimeout, sizeof(kTimeout));
  }
  // The cast is the interface of the socket calls.
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd.get(), generic, sizeof(address)) != 0) {
    const int code = errno;
    return fail(code == ENOENT ? Errc::not_found : Errc::unavailable,
                "cannot connect to " + path.string() + ": " + errno_text(code));
  }
  return fd;
}

Bytes framed(ByteView message) {
  ByteWriter out;
  out.u32(static_cast<std::uint32_t>(message.size()));
  out.bytes(message);
  return std::move(out).take();
}

}  // namespace cofferdam::nsm
