// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "channel/binding.h"
#include "crypto/ec.h"
#include "net/tls_peer.h"

namespace cofferdam::channel {

// Where an enclave's documents come from: its own secure module. Calls block for
// milliseconds.
class Attester {
 public:
  virtual ~Attester() = default;
  // A verified document about this enclave with exactly these fields; without a nonce it
  // has one of its own.
  virtual Result<Bytes> attest(ByteView public_key, ByteView user_data,
                               const std::optional<Bytes>& nonce) = 0;
};

// A certificate is made anew after this time, on the next connection: a verifier that looks
// at nothing else never sees an older document. Far below the three hours that the leaf of
// a document lives.
inline constexpr std::chrono::minutes kCertificateLifetime{5};

// An enclave as one end of attested channels, in one role: a P-256 key made at boot that
// never leaves this object and the TLS library, and a certificate with a document for it.
//
// For one thread. Borrows the attester and the clock.
class Identity {
 public:
  struct Parts {
    Attester& attester;
    const Clock& clock;
  };
  static Result<std::unique_ptr<Identity>> create(Parts parts, Role role, std::string name);

  // The TLS context with a certificate that is young enough.
  Result<std::shared_ptr<const net::TlsPeerContext>> context();

  // A document for this key, this connection and this challenge.
  Result<Bytes> answer(const Challenge& challenge, const net::TlsExporter& exporter) const;

  ByteView spki() const noexcept { return spki_; }

 private:
  Identity(Parts parts, Role role, std::string name, crypto::EcPrivateKey key)
      : parts_(parts),
        role_(role),
        name_(std::move(name)),
        key_(std::move(key)),
        spki_(key_.public_key().spki()) {}

  Parts parts_;
  Role role_;
  std::string name_;
  crypto::EcPrivateKey key_;
  Bytes spki_;
  std::shared_ptr<const net::TlsPeerContext> context_;
  Timestamp made_at_{};
};

}  // namespace cofferdam::channel
