// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/time.h"
#include "net/stream.h"

// TLS 1.2 and 1.3 over AWS-LC, ALPN "http/1.1". No renegotiation, no client certificates.
namespace cofferdam::net {

// Whom a client believes: these roots and nobody else. The system's store is never read.
// Immutable and shared by connections. `clock` judges certificate validity and must
// outlive the context.
class TlsClientContext {
 public:
  // Errc::invalid_input if `pem_roots` has no certificate or a broken one.
  static Result<std::shared_ptr<const TlsClientContext>> create(std::string_view pem_roots,
                                                                const Clock& clock);
  ~TlsClientContext();

 private:
  friend Task<Stream> tls_connect(Stream, std::shared_ptr<const TlsClientContext>, std::string);
  struct Impl;
  explicit TlsClientContext(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// Who a server is: a PEM chain, leaf first, and the leaf's PEM private key.
class TlsServerContext {
 public:
  // Errc::invalid_input if they are malformed or do not belong together.
  static Result<std::shared_ptr<const TlsServerContext>> create(std::string_view pem_chain,
                                                                const Secret& pem_key);
  ~TlsServerContext();

 private:
  friend Task<Stream> tls_accept(Stream, std::shared_ptr<const TlsServerContext>);
  struct Impl;
  explicit TlsServerContext(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// Shakes hands over `plain`, a stream from connect(), accept() or stream_pair() on which
// nothing was left unread. `name` is the host name or IP address the certificate must be
// for. A certificate that does not convince is Errc::unauthenticated, reason
// "tls_untrusted"; any other failure is Errc::unavailable.
Task<Stream> tls_connect(Stream plain, std::shared_ptr<const TlsClientContext> context,
                         std::string name);

Task<Stream> tls_accept(Stream plain, std::shared_ptr<const TlsServerContext> context);

// Whether the peer begins with a TLS handshake. Waits for the first byte and leaves it
// unread. Errc::unavailable if the peer ends first.
Task<bool> starts_with_tls(Stream& plain);

}  // namespace cofferdam::net
