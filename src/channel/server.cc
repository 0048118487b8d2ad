// SPDX-License-Identifier: Apache-2.0
#include "channel/server.h"

#include "base/log.h"
#include "channel/proxy_header.h"
#include "channel/session.h"

namespace cofferdam::channel {
namespace {

std::vector<std::string> names_of(const std::vector<DeclaredClient>& clients) {
  std::vector<std::string> out;
  for (const DeclaredClient& client : clients) out.push_back(client.name);
  return out;
}

// Who holds the key is decided after the handshake, where the answer can say why.
Status accept_any_certificate(ByteView) { return {}; }

}  // namespace

struct Server::State {
  Parts parts;
  ServerOptions options;
  Admission admission;

  static Task<net::HttpSession> open(std::shared_ptr<State> self, net::Stream plain) {
    if (self->options.proxy_protocol) {
      COFFERDAM_CO_TRY(const std::string source, co_await read_proxy_header(plain));
      log::debug("channel: connection from " + source + ", as the parent says");
    }
    const auto context = self->parts.identity.context();
    if (!context) {
      log::warning("channel: no certificate to show: " + context.error().detail);
      co_return std::unexpected(context.error());
    }
    net::TlsCertificateCheck check = accept_any_certificate;
    COFFERDAM_CO_TRY(net::Stream secured,
                     co_await tls_accept_peer(std::move(plain), *context, std::move(check)));
    COFFERDAM_CO_TRY(const net::TlsExporter exporter, net::tls_exporter(secured));
    const Session::Shared shared{self->parts, self->options, self->admission};
    auto session = std::make_shared<Session>(shared, exporter, net::tls_peer_certificate(secured));
    // The state lives as long as any of its sessions.
    net::HttpHandler handler = [self, session](net::HttpRequest request) {
      return session->handle(std::move(request));
    };
    co_return net::HttpSession{.stream = std::move(secured), .handler = std::move(handler)};
  }

  static net::HttpServerOptions http_options(std::shared_ptr<State> self) {
    net::HttpServerOptions out;
    out.max_connections = self->options.max_connections;
    out.open_session = [self = std::move(self)](net::Stream plain) {
      return open(self, std::move(plain));
    };
    return out;
  }
};

Server::Server(boost::asio::any_io_executor executor, Parts parts, ServerOptions options)
    : state_(std::make_shared<State>(State{
          .parts = parts,
          .options = options,
          .admission = Admission(names_of(options.clients), options.max_deadline, parts.clock)})),
      http_(std::move(executor), State::http_options(state_), {}) {}

Server::~Server() = default;

Result<net::Endpoint> Server::listen(const net::Endpoint& endpoint) {
  return http_.listen(endpoint);
}

Task<void> Server::drain(std::chrono::milliseconds grace) { return http_.drain(grace); }

}  // namespace cofferdam::channel
