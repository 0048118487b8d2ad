// SPDX-License-Identifier: Apache-2.0
// A workload in C++ with nothing of ours in it: the standard library, POSIX sockets and
// OpenSSL, as Debian ships them. It asks the agent for a secret and proves that it has it
// with HMAC-SHA256(secret, challenge), which whoever owns the secret can compute too.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

// An agent's answer, part of which is the secret: reserved once, so that growing leaves no
// copy behind, and wiped at the end.
class Answer {
 public:
  Answer() : bytes_(64 * 1024) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  void read_from(int socket) {
    while (size_ < bytes_.size()) {
      const ssize_t got = read(socket, bytes_.data() + size_, bytes_.size() - size_);
      if (got < 0) throw std::runtime_error("no answer from the agent");
      if (got == 0) return;
      size_ += static_cast<std::size_t>(got);
    }
    throw std::runtime_error("the agent's answer is too long");
  }

  std::string_view body() const {
    const std::string_view text(bytes_.data(), size_);
    const std::size_t end = text.find("\r\n\r\n");
    if (end == text.npos) throw std::runtime_error("the agent's answer is not HTTP");
    const std::string_view body = text.substr(end + 4);
    if (!text.starts_with("HTTP/1.1 200 ")) {
      throw std::runtime_error("the agent refused: " + std::string(body));
    }
    return body;
  }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

void ask(const std::string& path, const std::string& name, Answer& answer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("COFFERDAM_SOCKET");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(agent, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot reach the agent at " + path);
  }
  const std::string request =
      "GET /v1/secrets/" + name + " HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
  if (write(agent, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("cannot ask the agent");
  }
  answer.read_from(agent);
  close(agent);
}

std::string prove(std::string_view secret, std::string_view challenge) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> proof{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(challenge.data()), challenge.size(), proof.data(),
       &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", proof[i]);
    hex += digits.data();
  }
  return hex;
}

}  // namespace

int main(int argc, char** argv) try {
  const char* const socket = std::getenv("COFFERDAM_SOCKET");
  if (argc != 3 || socket == nullptr) {
    std::cerr << "usage: workload SECRET CHALLENGE, started by the agent\n";
    return 2;
  }
  Answer answer;
  ask(socket, argv[1], answer);
  std::cout << R"({"language": "C++", "uid": )" << getuid() << R"(, "proof": ")"
            << prove(answer.body(), argv[2]) << "\"}" << std::endl;
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
