// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate_builder.h"
#include "crypto/ec.h"
#include "nsm/authority.h"

namespace cofferdam::nsm {

// Who an enclave is, as its module id and certificates tell (formats.md §3.2).
struct EnclaveIdentity {
  std::string region;                        // "us-east-1"
  std::string instance_id;                   // "i-" and 17 hexadecimal digits.
  std::array<std::uint8_t, 8> enclave_id{};  // Launch time in ms (6 octets), then chance.

  // A fresh enclave id for an enclave launched at `launch`.
  static EnclaveIdentity make(std::string region, std::string instance_id, Timestamp launch);

  std::string module_id() const;  // "i-...-enc..."
};

// The certificates between an Authority and the documents of one enclave: regional (20
// days), zonal (6 days), instance (24 hours) and the leaf (3 hours) whose key signs. Each is
// issued again before it could end within the life of what depends on it.
//
// Borrows the authority, which must outlive it. Not safe for concurrent use.
class EnclaveChain {
 public:
  EnclaveChain(const Authority& authority, EnclaveIdentity identity)
      : authority_(&authority), identity_(std::move(identity)) {}

  // Makes every certificate valid at `now` and the leaf for at least half an hour more.
  Status renew(Timestamp now);

  // Valid after a successful renew(), until the next one.
  const crypto::EcPrivateKey& leaf_key() const { return tiers_[kLeaf]->key; }
  const Bytes& leaf_certificate() const { return tiers_[kLeaf]->certificate; }
  std::vector<Bytes> cabundle() const;  // Root first.

  const EnclaveIdentity& identity() const noexcept { return identity_; }

 private:
  enum Level : std::uint8_t { kRegional, kZonal, kInstance, kLeaf, kLevels };
  struct Tier {
    crypto::Name name;
    crypto::EcPrivateKey key;
    Bytes certificate;
    Timestamp not_before;
    Timestamp not_after;
  };

  Status ensure(Level level, Timestamp now, Timestamp until);
  crypto::CertificateSpec spec_for(Level level, Timestamp now) const;

  const Authority* authority_;
  EnclaveIdentity identity_;
  std::array<std::unique_ptr<const Tier>, kLevels> tiers_;
};

}  // namespace cofferdam::nsm
