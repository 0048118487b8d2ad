// SPDX-License-Identifier: Apache-2.0
// Sends the requests of a file to a server of this machine, one at a time on each of many
// connections, and prints how many answers came and how long they took. Does as little per
// request as can be done, so that the server is what is measured: one thread, no parsing but
// the length of an answer.
//
// usage: http_load PORT CONNECTIONS SECONDS FILE [once]
//   FILE: each request as its length (u32, big-endian) and its bytes. They are sent in turn,
//   from the start again at the end; with `once`, the end of the file is the end of the run.
// Prints {"answers", "failures", "seconds", "p50_ms", "p99_ms"}; a failure is any status but
// 200 or a lost connection, and the first one goes to standard error.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void give_up(std::string_view what) {
  std::cerr << "http_load: " << what << '\n';
  std::exit(1);
}

std::vector<std::string> read_requests(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> requests;
  std::string_view rest = all;
  while (rest.size() >= 4) {
    std::size_t size = 0;
    for (const char c : rest.substr(0, 4)) size = size << 8U | static_cast<unsigned char>(c);
    if (rest.size() - 4 < size) give_up("the file ends within a request");
    requests.emplace_back(rest.substr(4, size));
    rest.remove_prefix(4 + size);
  }
  if (requests.empty()) give_up("no requests in the file");
  return requests;
}

// What a whole answer says; nothing while it is incomplete.
struct Answer {
  bool ok = false;
  bool closes = false;
};

std::string_view header(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const auto found =
      std::search(head.begin(), head.end(), name.begin(), name.end(), same) - head.begin();
  if (static_cast<std::size_t>(found) == head.size()) return {};
  const std::string_view value = head.substr(static_cast<std::size_t>(found) + name.size());
  return value.substr(0, value.find("\r\n"));
}

std::optional<Answer> read_answer(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, end + 2);
  const std::string_view length = header(head, "\r\ncontent-length: ");
  std::size_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  if (text.size() < end + 4 + size) return std::nullopt;
  return Answer{.ok = head.substr(8, 5) == " 200 ",
                .closes = header(head, "\r\nconnection: ") == "close"};
}

struct Connection {
  int socket = -1;
  std::string received;
  SteadyClock::time_point start;
};

class Load {
 public:
  Load(std::uint16_t port, std::vector<std::string> requests, bool once)
      : requests_(std::move(requests)), once_(once) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  void run(std::size_t connections, std::chrono::duration<double> length) {
    connections_.resize(connections);
    start_ = SteadyClock::now();
    deadline_ = start_ + std::chrono::duration_cast<SteadyClock::duration>(length);
    for (std::size_t i = 0; i < connections; ++i) open_and_send(i);
    while (busy_ > 0) wait();
    seconds_ = std::chrono::duration<double>(SteadyClock::now() - start_).count();
  }

  void print() {
    std::cout << "{\"answers\":" << milliseconds_.size() << ",\"failures\":" << failures_
              << ",\"seconds\":" << seconds_ << ",\"p50_ms\":" << quantile(0.5)
              << ",\"p99_ms\":" << quantile(0.99) << "}\n";
  }

 private:
  void open_and_send(std::size_t index) {
    Connection& connection = connections_[index];
    connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface.
    if (connect(connection.socket, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) {
      give_up("nobody listens on the port");
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(poll_, EPOLL_CTL_ADD, connection.socket, &event);
    ++busy_;
    send_next(connection);
  }

  void close_connection(Connection& connection) {
    close(connection.socket);
    connection.socket = -1;
    --busy_;
  }

  // The sockets are blocking: a request fits the send buffer, since it is sent alone.
  void send_next(Connection& connection) {
    if (next_ == requests_.size() && !once_) next_ = 0;
    if (next_ == requests_.size() || SteadyClock::now() >= deadline_) {
      return close_connection(connection);
    }
    const std::string& request = requests_[next_++];
    connection.received.clear();
    connection.start = SteadyClock::now();
    const ssize_t sent = send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) give_up("the server takes no requests");
  }

  void wait() {
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(poll_, events.data(), events.size(), 10'000);
    if (count == 0) give_up("the server did not answer for ten seconds");
    for (int i = 0; i < count; ++i) receive(events.at(static_cast<std::size_t>(i)).data.u64);
  }

  void receive(std::size_t index) {
    Connection& connection = connections_[index];
    const ssize_t size = recv(connection.socket, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) return finish(index, Answer{.ok = false, .closes = true});
    connection.received.append(buffer_.data(), static_cast<std::size_t>(size));
    if (const auto answer = read_answer(connection.received)) finish(index, *answer);
  }

  void finish(std::size_t index, Answer answer) {
    Connection& connection = connections_[index];
    const std::chrono::duration<double, std::milli> taken = SteadyClock::now() - connection.start;
    milliseconds_.push_back(taken.count());
    if (!answer.ok && ++failures_ == 1) std::cerr << "http_load: " << connection.received << '\n';
    if (!answer.closes) return send_next(connection);
    close_connection(connection);
    open_and_send(index);
  }

  double quantile(double share) {
    if (milliseconds_.empty()) return 0;
    const auto nth =
        static_cast<std::ptrdiff_t>(share * static_cast<double>(milliseconds_.size() - 1));
    std::ranges::nth_element(milliseconds_, milliseconds_.begin() + nth);
    return milliseconds_[static_cast<std::size_t>(nth)];
  }

  std::vector<std::string> requests_;
  bool once_;
  sockaddr_in address_{};
  int poll_ = epoll_create1(EPOLL_CLOEXEC);
  std::array<char, 65'536> buffer_{};
  std::vector<Connection> connections_;
  std::size_t busy_ = 0;
  std::size_t next_ = 0;
  SteadyClock::time_point start_;
  SteadyClock::time_point deadline_;
  double seconds_ = 0;
  std::uint64_t failures_ = 0;
  std::vector<double> milliseconds_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 5) give_up("usage: http_load PORT CONNECTIONS SECONDS FILE [once]");
  Load load(static_cast<std::uint16_t>(std::stoi(words[1])), read_requests(words[4].c_str()),
            words.size() > 5 && words[5] == "once");
  load.run(std::stoul(words[2]), std::chrono::duration<double>(std::stod(words[3])));
  load.print();
  return 0;
}
