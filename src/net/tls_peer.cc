// SPDX-License-Identifier: Apache-2.0
#include "net/tls_peer.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/tls_transport.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);

// What the library's callback reads and writes; it belongs to the handshake's coroutine.
struct Judgement {
  TlsCertificateCheck check;
  std::optional<Error> refusal;
};

int judgement_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

Bytes first_certificate(const SSL* connection) {
  const STACK_OF(CRYPTO_BUFFER)* const chain = SSL_get0_peer_certificates(connection);
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return {};
  const CRYPTO_BUFFER* const leaf = sk_CRYPTO_BUFFER_value(chain, 0);
  const std::uint8_t* const data = CRYPTO_BUFFER_data(leaf);
  return {data, data + CRYPTO_BUFFER_len(leaf)};
}

ssl_verify_result_t judge(SSL* connection, std::uint8_t* alert) {
  auto* const judgement = static_cast<Judgement*>(SSL_get_ex_data(connection, judgement_index()));
  Status verdict = judgement->check(first_certificate(connection));
  if (verdict) return ssl_verify_ok;
  judgement->refusal = std::move(verdict).error();
  *alert = SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

Status use_identity(SSL_CTX* context, const TlsIdentity& own) {
  const ByteView der = own.key.reveal();
  CBS in;
  CBS_init(&in, der.data(), der.size());
  const bssl::UniquePtr<EVP_PKEY> key(EVP_parse_private_key(&in));
  const bool good =
      key != nullptr && CBS_len(&in) == 0 &&
      SSL_CTX_use_certificate_ASN1(context, own.certificate.size(), own.certificate.data()) == 1 &&
      SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
  ERR_clear_error();
  if (good) return {};
  return fail(Errc::invalid_input, "the TLS certificate and key do not belong together");
}

}  // namespace

struct TlsPeerContext::Impl {
  std::unique_ptr<ssl::context> context;
};

TlsPeerContext::TlsPeerContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsPeerContext::~TlsPeerContext() = default;

Result<std::shared_ptr<const TlsPeerContext>> TlsPeerContext::create(
    const std::optional<TlsIdentity>& own) {
  auto context = make_tls_context(ssl::context::tls, TLS1_3_VERSION);
  SSL_CTX* const native = context->native_handle();
  // A resumed session would show no certificate.
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_custom_verify(native, SSL_VERIFY_PEER, judge);
  offer_http(native);
  pick_http(native);
  if (own) COFFERDAM_CHECK(use_identity(native, *own));
  auto impl = std::make_unique<Impl>(Impl{.context = std::move(context)});
  return std::shared_ptr<const TlsPeerContext>(new TlsPeerContext(std::move(impl)));
}

struct PeerHandshake {
  static Task<Stream> run(Stream plain, std::shared_ptr<const TlsPeerContext> context,
                          TlsCertificateCheck check, ssl::stream_base::handshake_type side) {
    Socket* const below = plain_socket(plain);
    if (below == nullptr) co_return needs_plain_stream();
    auto socket = std::make_unique<TlsSocket>(std::move(*below), *context->impl_->context);
    Judgement judgement{.check = std::move(check), .refusal = {}};
    SSL_set_ex_data(socket->native_handle(), judgement_index(), &judgement);
    const auto [error] = co_await socket->async_handshake(side, kAsResult);
    if (judgement.refusal) co_return std::unexpected(*std::move(judgement.refusal));
    if (error) co_return wrap("TLS handshake", broken(error).error());
    SSL_set_ex_data(socket->native_handle(), judgement_index(), nullptr);
    co_return Stream(std::make_unique<TlsTransport>(std::move(context), std::move(socket)));
  }
};

Task<Stream> tls_connect_peer(Stream plain, std::shared_ptr<const TlsPeerContext> context,
                              TlsCertificateCheck check) {
  return PeerHandshake::run(std::move(plain), std::move(context), std::move(check),
                            ssl::stream_base::client);
}

Task<Stream> tls_accept_peer(Stream plain, std::shared_ptr<const TlsPeerContext> context,
                             TlsCertificateCheck check) {
  return PeerHandshake::run(std::move(plain), std::move(context), std::move(check),
                            ssl::stream_base::server);
}

Result<TlsExporter> tls_exporter(Stream& secured) {
  auto* const tls = dynamic_cast<TlsTransport*>(&secured.transport());
  TlsExporter out{};
  if (tls == nullptr || SSL_version(tls->native()) != TLS1_3_VERSION ||
      SSL_export_keying_material(tls->native(), out.data(), out.size(), kTlsExporterLabel.data(),
                                 kTlsExporterLabel.size(), nullptr, 0, 0) != 1) {
    ERR_clear_error();
    return fail(Errc::internal, "this stream is not TLS 1.3");
  }
  return out;
}

Bytes tls_peer_certificate(Stream& secured) {
  auto* const tls = dynamic_cast<TlsTransport*>(&secured.transport());
  return tls == nullptr ? Bytes() : first_certificate(tls->native());
}

}  // namespace cofferdam::net
