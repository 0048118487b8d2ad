// SPDX-License-Identifier: Apache-2.0
#include "net/tls_transport.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::array<std::uint8_t, 9> kAlpn{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int select_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
                unsigned offered_size, void*) {
  std::uint8_t* selected = nullptr;
  const int found =
      SSL_select_next_proto(&selected, out_size, kAlpn.data(), kAlpn.size(), offered, offered_size);
  *out = selected;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Task<std::size_t> TlsTransport::read_some(std::span<std::uint8_t> into) {
  const auto buffer = asio::buffer(into.data(), into.size());
  const auto [error, size] = co_await socket_->async_read_some(buffer, kAsResult);
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return broken(error);
  co_return size;
}

Task<void> TlsTransport::write(ByteView head, ByteView body) {
  const std::array buffers{asio::buffer(head.data(), head.size()),
                           asio::buffer(body.data(), body.size())};
  const auto [error, size] = co_await asio::async_write(*socket_, buffers, kAsResult);
  if (error) co_return broken(error);
  co_return Status();
}

Task<void> TlsTransport::shutdown_write() {
  const auto [error] = co_await socket_->async_shutdown(kAsResult);
  if (error) co_return broken(error);
  co_return Status();
}

void TlsTransport::close() noexcept {
  error_code ignored;
  socket_->lowest_layer().close(ignored);
}

std::unique_ptr<asio::ssl::context> make_tls_context(asio::ssl::context::method method,
                                                     std::uint16_t min_version) {
  auto context = std::make_unique<asio::ssl::context>(method);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, min_version);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

void offer_http(SSL_CTX* context) { SSL_CTX_set_alpn_protos(context, kAlpn.data(), kAlpn.size()); }

void pick_http(SSL_CTX* context) { SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr); }

std::unexpected<Error> needs_plain_stream() {
  return fail(Errc::internal, "TLS needs a plain stream below it");
}

}  // namespace cofferdam::net
