// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "custody/binding.h"
#include "custody/committing_aead.h"

// A secret at rest: encrypted under a data key that KMS wrapped, and tied to what it is.
//
// Bytes: the deterministic CBOR array ["cofferdam/envelope/v1", name, version, epoch, context
// digest, wrapped data key, salt, commitment, sealed]. The header is the array of the first six;
// committing_aead.h says what is done with it. Described in docs/custody.md.
namespace cofferdam::custody {

inline constexpr std::size_t kMaxWrappedKeySize = 6144;  // The most KMS Decrypt accepts.
inline constexpr std::size_t kDefaultMaxPlaintext = kMaxSealedSize - kMaxHeaderSize;

// What an envelope is about. It travels in clear, and changing it is detected.
struct EnvelopeSubject {
  std::string name;           // Of the secret: its ARN, or its name in the configuration.
  std::uint64_t version = 0;  // Of the secret's value: each rotation makes a new one.
  std::uint64_t epoch = 0;    // Never goes down; see EpochAnchor.
  crypto::Sha384 context{};   // context_digest() of the KMS key and encryption context.

  bool operator==(const EnvelopeSubject&) const = default;
};

// A data key as GenerateDataKey gives it. Never of kms:Encrypt: anyone may call that.
struct DataKey {
  Secret plaintext;  // 32 bytes.
  Bytes wrapped;     // CiphertextBlob.
};

// What the opener knows from the measured configuration and from its anchor.
struct EnvelopeExpectation {
  std::string name;
  crypto::Sha384 context{};
  std::optional<std::uint64_t> version;  // Absent: any.
  std::uint64_t minimum_epoch = 0;
};

class Envelope {
 public:
  // Errc::invalid_input for a data key of another size, a name that check_name() refuses, or
  // more than `max_plaintext` bytes (reason `too_large`).
  static Result<Envelope> seal(const DataKey& key, EnvelopeSubject subject, const Secret& plaintext,
                               std::size_t max_plaintext = kDefaultMaxPlaintext);

  // These bytes and no other encoding of them; verifies nothing. Errc::invalid_input, reason
  // `envelope_malformed`.
  static Result<Envelope> decode(ByteView bytes, std::size_t max_plaintext = kDefaultMaxPlaintext);
  Bytes encode() const;

  // What the envelope says of itself; true only once open() succeeded.
  const EnvelopeSubject& claimed() const noexcept { return subject_; }
  // For KMS Decrypt, with the expected key and encryption context.
  const Bytes& wrapped_key() const noexcept { return wrapped_; }

  // Whether it claims to be what is expected: worth asking before KMS is. Errc::denied, reason
  // `wrong_subject`. Epochs are left to open(), which knows that they are authentic.
  Status check_subject(const EnvelopeExpectation& expected) const;

  // The secret. In this order: check_subject(); `key_not_committed`, `ciphertext_changed`
  // (Errc::unauthenticated); `rolled_back` (Errc::denied) for an authentic envelope of an
  // epoch below the minimum.
  Result<Secret> open(const Secret& data_key, const EnvelopeExpectation& expected) const;

  bool operator==(const Envelope&) const = default;

 private:
  Bytes header() const;

  EnvelopeSubject subject_;
  Bytes wrapped_;
  Committed message_;
};

}  // namespace cofferdam::custody
