// SPDX-License-Identifier: Apache-2.0
// A workload as small as it gets: it asks the agent for a secret and proves that it has it,
// without showing it. The proof is HMAC-SHA256(secret, challenge), which whoever owns the
// secret can compute too.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "base/encoding.h"
#include "base/file.h"
#include "base/process.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/mac.h"

namespace {

using namespace cofferdam;

constexpr std::size_t kMaxAnswer = std::size_t{64} * 1024;

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_input, "the socket's path is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Errc::unavailable, "cannot reach the agent at " + path + ": " + errno_text(errno));
  }
  return fd;
}

// Everything the agent sends, in locked memory: part of it is the secret.
Result<Secret> ask(const std::string& socket, const std::string& name) {
  COFFERDAM_TRY(const UniqueFd fd, connect_to(socket));
  const std::string request =
      "GET /v1/secrets/" + name + " HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
  if (write(fd.get(), request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    return fail(Errc::unavailable, "cannot ask the agent: " + errno_text(errno));
  }
  Secret answer(kMaxAnswer);
  std::size_t size = 0;
  while (size < answer.size()) {
    const auto rest = answer.reveal_mut().subspan(size);
    const ssize_t got = read(fd.get(), rest.data(), rest.size());
    if (got < 0) return fail(Errc::unavailable, "no answer: " + errno_text(errno));
    if (got == 0) return std::move(answer).truncated(size);
    size += static_cast<std::size_t>(got);
  }
  return fail(Errc::invalid_input, "the agent's answer is too long");
}

// The body of a 200 answer. Any other answer has no secret in it and may be shown.
Result<Secret> body_of(const Secret& answer) {
  const std::string_view text = as_text(answer.reveal());
  const std::size_t end = text.find("\r\n\r\n");
  if (end == text.npos) return fail(Errc::invalid_input, "the agent's answer is not HTTP");
  if (!text.starts_with("HTTP/1.1 200 ")) {
    return fail(Errc::denied, "the agent refused: " + std::string(text.substr(end + 4)));
  }
  return Secret::copy_of(answer.reveal().subspan(end + 4));
}

Result<std::string> prove(const std::string& socket, const std::string& name,
                          std::string_view challenge) {
  COFFERDAM_TRY(const Secret answer, ask(socket, name));
  COFFERDAM_TRY(const Secret secret, body_of(answer));
  return to_hex(crypto::hmac_sha256(secret.reveal(), as_bytes(challenge)));
}

}  // namespace

int main(int argc, char** argv) {
  harden_process();
  const char* socket = std::getenv("COFFERDAM_SOCKET");
  if (argc != 3 || socket == nullptr) {
    std::cerr << "usage: COFFERDAM_SOCKET=PATH possession SECRET-NAME CHALLENGE\n";
    return 2;
  }
  const auto proof = prove(socket, argv[1], argv[2]);
  if (!proof) {
    std::cerr << "possession: error: " << proof.error().detail << '\n';
    return 1;
  }
  std::cout << "proof of possession: HMAC-SHA256(secret, \"" << argv[2] << "\") = " << *proof
            << '\n';
  return 0;
}
