// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "base/file.h"
#include "net/deadline.h"
#include "net/resolve.h"
#include "net/socket_transport.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Address = asio::generic::stream_protocol::endpoint;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using std::chrono::milliseconds;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr mode_t kSocketFileMode = 0600;

Address address_of(const VsockAddress& vsock) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = vsock.cid;
  address.svm_port = vsock.port;
  return {&address, sizeof address};
}

Address address_of(const UnixAddress& local) {
  return asio::local::stream_protocol::endpoint(local.path);
}

Task<Stream> connect_to(Address address) {
  Socket socket(co_await asio::this_coro::executor);
  error_code cannot_open;
  socket.open(address.protocol(), cannot_open);
  if (cannot_open) co_return broken(cannot_open);
  close_on_exec(socket.native_handle());
  const auto [error] = co_await socket.async_connect(address, kAsResult);
  if (error) co_return broken(error);
  co_return make_stream(std::move(socket));
}

Task<Stream> connect_tcp(TcpAddress tcp, milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  COFFERDAM_CO_TRY(auto addresses, co_await resolve(tcp.host, tcp.port));
  const auto left =
      std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
  co_return co_await connect_in_turn(std::move(addresses), left);
}

Task<Stream> connect_any(Endpoint endpoint, milliseconds limit) {
  if (const auto* tcp = std::get_if<TcpAddress>(&endpoint)) {
    co_return co_await connect_tcp(*tcp, limit);
  }
  if (const auto* local = std::get_if<UnixAddress>(&endpoint)) {
    co_return co_await connect_to(address_of(*local));
  }
  co_return co_await connect_to(address_of(std::get<VsockAddress>(endpoint)));
}

// A name may have several addresses; the first one is where to listen.
Result<Address> listening_address(const TcpAddress& tcp) {
  error_code error;
  if (const auto literal = asio::ip::make_address(tcp.host, error); !error) {
    return Address(asio::ip::tcp::endpoint(literal, tcp.port));
  }
  asio::io_context io;
  asio::ip::tcp::resolver resolver(io);
  const auto found = resolver.resolve(tcp.host, std::to_string(tcp.port), error);
  if (error || found.empty()) return fail(Errc::unavailable, error.message());
  return Address(found.begin()->endpoint());
}

Result<Address> listening_address(const Endpoint& endpoint) {
  if (const auto* tcp = std::get_if<TcpAddress>(&endpoint)) return listening_address(*tcp);
  if (const auto* local = std::get_if<UnixAddress>(&endpoint)) return address_of(*local);
  return address_of(std::get<VsockAddress>(endpoint));
}

// Whether the file is a socket that nobody answers any more.
bool is_stale_socket(const UnixAddress& local) {
  struct stat status{};
  if (lstat(local.path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.connect(local.path, error);
  return error == asio::error::connection_refused;
}

void bind_replacing_stale(Acceptor& acceptor, const Address& address, const Endpoint& endpoint,
                          error_code& error) {
  acceptor.bind(address, error);
  const auto* local = std::get_if<UnixAddress>(&endpoint);
  if (error != asio::error::address_in_use || local == nullptr || !is_stale_socket(*local)) return;
  unlink(local->path.c_str());
  acceptor.bind(address, error);
}

Status start_listening(Acceptor& acceptor, const Endpoint& endpoint) {
  COFFERDAM_TRY(const Address address, listening_address(endpoint));
  error_code error;
  acceptor.open(address.protocol(), error);
  if (!error) close_on_exec(acceptor.native_handle());
  if (!error && std::holds_alternative<TcpAddress>(endpoint)) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) bind_replacing_stale(acceptor, address, endpoint, error);
  if (error == asio::error::address_in_use) {
    return fail(Errc::unavailable, "it is in use: stop the other process or choose another");
  }
  if (error) return broken(error);
  if (const auto* local = std::get_if<UnixAddress>(&endpoint)) {
    // Between bind and listen nobody can connect yet.
    if (chmod(local->path.c_str(), kSocketFileMode) != 0) {
      return fail(Errc::unavailable, errno_text(errno));
    }
  }
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return broken(error);
  return {};
}

Endpoint with_actual_port(Endpoint endpoint, const Acceptor& acceptor) {
  auto* tcp = std::get_if<TcpAddress>(&endpoint);
  if (tcp == nullptr || tcp->port != 0) return endpoint;
  error_code error;
  const Address address = acceptor.local_endpoint(error);
  asio::ip::tcp::endpoint actual;
  std::memcpy(actual.data(), address.data(), std::min(actual.capacity(), address.size()));
  tcp->port = actual.port();
  return endpoint;
}

}  // namespace

Task<Stream> connect_in_turn(std::vector<asio::ip::tcp::endpoint> addresses, milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  Result<Stream> last = fail(Errc::unavailable, "no address to try");
  for (std::size_t tried = 0; tried < addresses.size(); ++tried) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
    const auto share = left / static_cast<milliseconds::rep>(addresses.size() - tried);
    auto attempt = connect_to(Address(addresses[tried]));
    last = co_await with_deadline(share, std::move(attempt));
    if (last) break;
  }
  co_return last;
}

Task<Stream> connect(Endpoint endpoint, milliseconds limit) {
  const std::string name = to_string(endpoint);
  auto work = connect_any(std::move(endpoint), limit);
  auto stream = co_await with_deadline(limit, std::move(work));
  if (!stream) co_return wrap("cannot connect to " + name, std::move(stream).error());
  co_return stream;
}

Result<std::pair<Stream, Stream>> stream_pair(asio::any_io_executor executor) {
  asio::local::stream_protocol::socket a(executor);
  asio::local::stream_protocol::socket b(executor);
  error_code error;
  asio::local::connect_pair(a, b, error);
  if (error) return broken(error);
  return std::pair(make_stream(std::move(a)), make_stream(std::move(b)));
}

struct Listener::Impl {
  Acceptor acceptor;
  Endpoint endpoint;
  struct stat file{};  // Of a Unix socket: what to remove, if it is still there.

  explicit Impl(const asio::any_io_executor& executor) : acceptor(executor) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { close(); }

  void close() noexcept {
    if (!acceptor.is_open()) return;
    error_code ignored;
    acceptor.close(ignored);
    const auto* local = std::get_if<UnixAddress>(&endpoint);
    struct stat now{};
    if (local == nullptr || lstat(local->path.c_str(), &now) != 0) return;
    if (now.st_dev == file.st_dev && now.st_ino == file.st_ino) unlink(local->path.c_str());
  }
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;
Listener::~Listener() = default;

Result<Listener> Listener::open(asio::any_io_executor executor, const Endpoint& endpoint) {
  auto impl = std::make_unique<Impl>(executor);
  if (auto status = start_listening(impl->acceptor, endpoint); !status) {
    return wrap("cannot listen on " + to_string(endpoint), std::move(status).error());
  }
  impl->endpoint = with_actual_port(endpoint, impl->acceptor);
  if (const auto* local = std::get_if<UnixAddress>(&endpoint)) {
    lstat(local->path.c_str(), &impl->file);
  }
  return Listener(std::move(impl));
}

Result<Listener> Listener::adopt(asio::any_io_executor executor, UniqueFd socket,
                                 const Endpoint& endpoint) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  int listening = 0;
  socklen_t listening_size = sizeof listening;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 ||
      getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_size) != 0 ||
      listening == 0) {
    return fail(Errc::unavailable,
                "the descriptor given for " + to_string(endpoint) + " is no listening socket");
  }
  close_on_exec(socket.get());
  auto impl = std::make_unique<Impl>(executor);
  error_code error;
  impl->acceptor.assign(asio::generic::stream_protocol(family, 0), socket.get(), error);
  if (error) return broken(error);
  socket.release();
  impl->endpoint = with_actual_port(endpoint, impl->acceptor);
  return Listener(std::move(impl));
}

const Endpoint& Listener::endpoint() const noexcept { return impl_->endpoint; }

Task<Stream> Listener::accept() {
  auto [error, socket] = co_await impl_->acceptor.async_accept(kAsResult);
  if (error) co_return broken(error);
  co_return make_stream(std::move(socket));
}

bool Listener::closed() const noexcept { return !impl_->acceptor.is_open(); }
void Listener::close() noexcept { impl_->close(); }

}  // namespace cofferdam::net
