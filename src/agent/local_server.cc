// SPDX-License-Identifier: Apache-2.0
#include "agent/local_server.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/secret.h"
#include "base/text.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxConnections = 256;
constexpr std::array<std::string_view, 3> kForwarding{"X-Forwarded-For", "Forwarded", "Via"};
constexpr std::array<std::string_view, 2> kLoopback{"127.0.0.1", "localhost"};

Task<net::HttpSession> open_session(net::Stream stream, PeerIdentifier* identifier,
                                    std::shared_ptr<const LocalHandler> handler) {
  Caller caller;
  if (identifier != nullptr) {
    auto process = std::make_shared<const UniqueFd>(net::peer_process(stream));
    COFFERDAM_CO_TRY(caller,
                     co_await identifier->identify(net::peer_identity(stream), std::move(process)));
  }
  net::HttpSession out;
  out.secured = false;
  out.stream = std::move(stream);
  out.handler = [handler = std::move(handler), caller = std::move(caller)](
                    net::HttpRequest request) { return (*handler)(std::move(request), caller); };
  co_return out;
}

net::HttpServerOptions options_of(PeerIdentifier* identifier, std::size_t max_body_size,
                                  LocalHandler handler) {
  net::HttpServerOptions out;
  out.limits.max_body_size = max_body_size;
  out.max_connections = kMaxConnections;
  auto shared = std::make_shared<const LocalHandler>(std::move(handler));
  out.open_session = [identifier, shared = std::move(shared)](net::Stream stream) {
    return open_session(std::move(stream), identifier, shared);
  };
  return out;
}

}  // namespace

LocalServer::LocalServer(const boost::asio::any_io_executor& executor, PeerIdentifier* identifier,
                         std::size_t max_body_size, LocalHandler handler)
    : server_(executor, options_of(identifier, max_body_size, std::move(handler)),
              net::HttpHandler()) {}

Status check_loopback_request(const net::HttpRequest& request) {
  for (const std::string_view name : kForwarding) {
    if (!net::header(request.headers, name).empty()) {
      return fail(Errc::denied, "forwarded requests are not answered here");
    }
  }
  const std::string_view host = net::header(request.headers, "Host");
  const std::string_view name = host.substr(0, host.rfind(':'));
  if (std::ranges::any_of(kLoopback,
                          [&](auto known) { return equal_ignoring_case(name, known); })) {
    return {};
  }
  return fail(Errc::denied, "requests here are for 127.0.0.1 or localhost");
}

bool is_token(std::string_view given, std::string_view expected) {
  return equal_constant_time(as_bytes(given), as_bytes(expected));
}

}  // namespace cofferdam::agent
