// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "base/byte_view.h"
#include "base/secret.h"
#include "net/stream.h"

// TLS 1.3 in which a check of the caller's judges the other side's certificate instead of
// roots and names: what attested channels (src/channel) are made of.
//
// Every connection shows its certificate and proves to hold the key: nothing is resumed
// and nothing is sent early. ALPN "http/1.1".
namespace cofferdam::net {

// Who this side is: one certificate, and its private key as PKCS#8.
struct TlsIdentity {
  Bytes certificate;
  Secret key;
};

// Immutable and shared by connections, as client or as server.
class TlsPeerContext {
 public:
  // Without an identity it can only be a client's, and shows no certificate. If the two do
  // not belong together: Errc::invalid_input.
  static Result<std::shared_ptr<const TlsPeerContext>> create(
      const std::optional<TlsIdentity>& own);
  ~TlsPeerContext();

 private:
  friend struct PeerHandshake;
  struct Impl;
  explicit TlsPeerContext(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// Judges the DER of the certificate that the other side shows, within the handshake and
// before this side shows its own. Must not throw.
using TlsCertificateCheck = std::function<Status(ByteView certificate)>;

// As tls_connect() and tls_accept(). A certificate that `check` refuses ends the handshake
// with the check's error. The server asks for a certificate and goes on without one: `check`
// is then not called.
Task<Stream> tls_connect_peer(Stream plain, std::shared_ptr<const TlsPeerContext> context,
                              TlsCertificateCheck check);
Task<Stream> tls_accept_peer(Stream plain, std::shared_ptr<const TlsPeerContext> context,
                             TlsCertificateCheck check);

// A value that both ends of one TLS 1.3 connection can compute and nobody else (RFC 8446
// section 7.5), under a label of ours, without context. It tells connections apart; it is
// no key.
using TlsExporter = std::array<std::uint8_t, 32>;
inline constexpr std::string_view kTlsExporterLabel = "EXPERIMENTAL-cofferdam-channel-v1";

// Of a stream made by the functions above, else Errc::internal.
Result<TlsExporter> tls_exporter(Stream& secured);
// DER; empty if the other side showed none.
Bytes tls_peer_certificate(Stream& secured);

}  // namespace cofferdam::net
