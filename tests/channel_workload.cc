// SPDX-License-Identifier: Apache-2.0
// The workloads of channel_run_test.py. `serve PORT` answers each request with its request
// line and the client that the agent names; `ask SOCKET` sends one request to a peer and
// prints the answer on one line. Static and without sanitizers: nothing else is in the image.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kMaxHead = 16384;
constexpr std::string_view kEnd = "\r\n\r\n";

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Until `end` or the end of the stream.
std::string read_until(int from, std::string_view end) {
  std::string out;
  std::array<char, 1024> some{};
  while (out.size() < kMaxHead && (end.empty() || out.find(end) == out.npos)) {
    const ssize_t got = read(from, some.data(), some.size());
    if (got <= 0) break;
    out.append(some.data(), static_cast<std::size_t>(got));
  }
  return out;
}

void write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = write(to, bytes.data(), bytes.size());
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Of the header `name`, which is in lower case and ends with a colon.
std::string header(const std::string& head, std::string_view name) {
  std::string lower = head;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t at = lower.find("\r\n" + std::string(name));
  if (at == lower.npos) return {};
  const std::size_t begin = head.find_first_not_of(' ', at + 2 + name.size());
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

void answer(int client) {
  const std::string head = read_until(client, kEnd);
  const std::string body = head.substr(0, head.find(" HTTP/")) + " for " +
                           header(head, "x-cofferdam-client:") + " id " +
                           header(head, "x-cofferdam-request-id:");
  write_all(client, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                        std::to_string(body.size()) + std::string(kEnd) + body);
}

[[noreturn]] void serve(const char* port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    give_up("cannot listen");
  }
  std::puts("serving");
  std::fflush(stdout);
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    answer(client);
    close(client);
  }
}

void ask(const char* path) {
  const int peer = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (connect(peer, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up("cannot reach the peer's socket");
  }
  write_all(peer, "GET /from-the-peer HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n");
  const std::string text = read_until(peer, {});
  const std::size_t body = std::min(text.find(kEnd), text.size());
  std::printf("peer answered %s %s\n", text.substr(0, text.find("\r\n")).c_str(),
              text.substr(std::min(body + kEnd.size(), text.size())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view what = argc == 3 ? argv[1] : "";
  if (what == "serve") serve(argv[2]);
  if (what != "ask") return 2;
  ask(argv[2]);
  return 0;
}
