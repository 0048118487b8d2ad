// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "crypto/pem.h"
#include "net/tls_transport.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::uint8_t kHandshakeRecord = 22;  // RFC 8446 section 5.1, ContentType

Result<bssl::UniquePtr<X509>> certificate_from_der(ByteView der) {
  const std::uint8_t* at = der.data();
  bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != der.data() + der.size()) {
    ERR_clear_error();
    return fail(Errc::invalid_input, "a CERTIFICATE block does not hold an X.509 certificate");
  }
  return certificate;
}

int no_password(char*, int, int, void*) { return -1; }

Result<bssl::UniquePtr<EVP_PKEY>> key_from_pem(const Secret& pem) {
  const ByteView bytes = pem.reveal();
  const bssl::UniquePtr<BIO> source(
      BIO_new_mem_buf(bytes.data(), static_cast<ossl_ssize_t>(bytes.size())));
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return fail(Errc::invalid_input, "expected an unencrypted private key in PEM");
  }
  return key;
}

// What this connection must see: the right name, valid at the clock's time.
Status expect_peer(SSL* connection, const std::string& name, Timestamp now) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(connection);
  X509_VERIFY_PARAM_set_time(wanted, std::chrono::system_clock::to_time_t(now));
  error_code not_an_address;
  asio::ip::make_address(name, not_an_address);
  if (!not_an_address) {
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1) return {};
  } else {
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!name.empty() && X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1 &&
        SSL_set_tlsext_host_name(connection, name.c_str()) == 1) {
      return {};
    }
  }
  ERR_clear_error();
  return fail(Errc::invalid_input, "TLS needs the host name or IP address of the server");
}

std::unexpected<Error> handshake_failure(SSL* connection, const std::string& name,
                                         const error_code& error) {
  const auto code = static_cast<std::uint32_t>(error.value());
  if (error.category() != asio::error::get_ssl_category() ||
      ERR_GET_REASON(code) != SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return wrap("TLS handshake", broken(error).error());
  }
  const char* const verdict = X509_verify_cert_error_string(SSL_get_verify_result(connection));
  return fail(Errc::unauthenticated, "tls_untrusted",
              "the certificate of " + name + " is refused: " + verdict +
                  " (check the pinned roots, the name and the time)");
}

}  // namespace

struct TlsClientContext::Impl {
  std::unique_ptr<ssl::context> context;
  const Clock& clock;
};

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClientContext::~TlsClientContext() = default;

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::create(std::string_view pem_roots,
                                                                         const Clock& clock) {
  COFFERDAM_TRY(const auto roots, crypto::pem_decode_all(pem_roots, "CERTIFICATE"));
  auto context = make_tls_context(ssl::context::tls_client, TLS1_2_VERSION);
  SSL_CTX* const native = context->native_handle();
  for (const Bytes& der : roots) {
    COFFERDAM_TRY(const auto root, certificate_from_der(der));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(native), root.get());
  }
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  offer_http(native);
  auto impl = std::make_unique<Impl>(Impl{.context = std::move(context), .clock = clock});
  return std::shared_ptr<const TlsClientContext>(new TlsClientContext(std::move(impl)));
}

struct TlsServerContext::Impl {
  std::unique_ptr<ssl::context> context;
};

TlsServerContext::TlsServerContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServerContext::~TlsServerContext() = default;

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::create(std::string_view pem_chain,
                                                                         const Secret& pem_key) {
  COFFERDAM_TRY(const auto chain, crypto::pem_decode_all(pem_chain, "CERTIFICATE"));
  COFFERDAM_TRY(const auto key, key_from_pem(pem_key));
  auto context = make_tls_context(ssl::context::tls_server, TLS1_2_VERSION);
  SSL_CTX* const native = context->native_handle();
  COFFERDAM_TRY(const auto leaf, certificate_from_der(chain.front()));
  if (SSL_CTX_use_certificate(native, leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(native, key.get()) != 1 || SSL_CTX_check_private_key(native) != 1) {
    ERR_clear_error();
    return fail(Errc::invalid_input, "the TLS certificate and key do not belong together");
  }
  for (const Bytes& der : std::span(chain).subspan(1)) {
    COFFERDAM_TRY(const auto issuer, certificate_from_der(der));
    SSL_CTX_add1_chain_cert(native, issuer.get());
  }
  pick_http(native);
  auto impl = std::make_unique<Impl>(Impl{.context = std::move(context)});
  return std::shared_ptr<const TlsServerContext>(new TlsServerContext(std::move(impl)));
}

Task<Stream> tls_connect(Stream plain, std::shared_ptr<const TlsClientContext> context,
                         std::string name) {
  Socket* const below = plain_socket(plain);
  if (below == nullptr) co_return needs_plain_stream();
  auto socket = std::make_unique<TlsSocket>(std::move(*below), *context->impl_->context);
  SSL* const connection = socket->native_handle();
  COFFERDAM_CO_CHECK(expect_peer(connection, name, context->impl_->clock.now()));
  const auto [error] = co_await socket->async_handshake(ssl::stream_base::client, kAsResult);
  if (error) co_return handshake_failure(connection, name, error);
  co_return Stream(std::make_unique<TlsTransport>(std::move(context), std::move(socket)));
}

Task<Stream> tls_accept(Stream plain, std::shared_ptr<const TlsServerContext> context) {
  Socket* const below = plain_socket(plain);
  if (below == nullptr) co_return needs_plain_stream();
  auto socket = std::make_unique<TlsSocket>(std::move(*below), *context->impl_->context);
  const auto [error] = co_await socket->async_handshake(ssl::stream_base::server, kAsResult);
  if (error) co_return wrap("TLS handshake", broken(error).error());
  co_return Stream(std::make_unique<TlsTransport>(std::move(context), std::move(socket)));
}

Task<bool> starts_with_tls(Stream& plain) {
  Socket* const socket = plain_socket(plain);
  if (socket == nullptr) co_return needs_plain_stream();
  std::array<std::uint8_t, 1> first{};
  const auto [error, size] = co_await socket->async_receive(
      asio::buffer(first), asio::socket_base::message_peek, kAsResult);
  if (error) co_return broken(error);
  co_return first[0] == kHandshakeRecord;
}

}  // namespace cofferdam::net
