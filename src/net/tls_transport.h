// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>

#include "net/socket_transport.h"

// For the TLS of this folder only: what its two kinds of handshake have in common.
namespace cofferdam::net {

using TlsSocket = boost::asio::ssl::stream<Socket>;

// `context` is declared first: the stream must die before what it points into.
class TlsTransport final : public Stream::Transport {
 public:
  TlsTransport(std::shared_ptr<const void> context, std::unique_ptr<TlsSocket> socket) noexcept
      : context_(std::move(context)), socket_(std::move(socket)) {}

  Task<std::size_t> read_some(std::span<std::uint8_t> into) override;
  Task<void> write(ByteView head, ByteView body) override;
  Task<void> shutdown_write() override;
  void close() noexcept override;
  std::string peer() const override { return peer_text(socket_->next_layer()); }

  SSL* native() noexcept { return socket_->native_handle(); }

 private:
  std::shared_ptr<const void> context_;
  std::unique_ptr<TlsSocket> socket_;
};

// TLS of at least `min_version` (TLS1_2_VERSION).
std::unique_ptr<boost::asio::ssl::context> make_tls_context(
    boost::asio::ssl::context::method method, std::uint16_t min_version);

// ALPN is "http/1.1": a client offers it, a server picks it.
void offer_http(SSL_CTX* context);
void pick_http(SSL_CTX* context);

std::unexpected<Error> needs_plain_stream();

}  // namespace cofferdam::net
