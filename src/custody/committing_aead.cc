// SPDX-License-Identifier: Apache-2.0
#include "custody/committing_aead.h"

#include <algorithm>
#include <string_view>

#include "bytes/cbor.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "custody/binding.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kDomain = "cofferdam/committing/v1";
constexpr std::size_t kMinKeySize = 32;

Secret expand(const Secret& key, const Salt& salt, std::string_view use,
              const crypto::Sha384& header, std::size_t size) {
  cbor::Writer info;
  info.array(3).text(kDomain).text(use).bytes(header);
  return crypto::hkdf_sha384(key.reveal(), salt, info.view(), size);
}

Secret encryption_key(const Secret& key, const Salt& salt, const crypto::Sha384& header) {
  return expand(key, salt, "encrypt", header, crypto::kAeadKeySize);
}

Secret commitment(const Secret& key, const Salt& salt, const crypto::Sha384& header) {
  return expand(key, salt, "commit", header, sizeof(Commitment));
}

bool matches(const Committed& message, const Secret& key, const crypto::Sha384& header) {
  return key.size() >= kMinKeySize &&
         equal_constant_time(commitment(key, message.salt, header).reveal(), message.commitment);
}

}  // namespace

Result<Committed> commit_and_seal(const Secret& key, const Secret& plaintext, ByteView header) {
  if (key.size() < kMinKeySize) {
    return fail(Errc::invalid_input, "sealing key: expected at least " +
                                         std::to_string(kMinKeySize) + " bytes, found " +
                                         std::to_string(key.size()));
  }
  Committed out;
  crypto::random_bytes(out.salt);
  const crypto::Sha384 digest = crypto::sha384(header);
  std::ranges::copy(commitment(key, out.salt, digest).reveal(), out.commitment.begin());
  COFFERDAM_TRY(out.sealed, crypto::aead_seal(encryption_key(key, out.salt, digest),
                                              plaintext.reveal(), header));
  return out;
}

bool is_committed_to(const Committed& message, const Secret& key, ByteView header) {
  return matches(message, key, crypto::sha384(header));
}

Result<Secret> open_committed(const Committed& message, const Secret& key, ByteView header) {
  const crypto::Sha384 digest = crypto::sha384(header);
  if (!matches(message, key, digest)) {
    return fail(Errc::unauthenticated, reason::kKeyNotCommitted,
                "not sealed under this key with this header");
  }
  auto opened =
      crypto::aead_open(encryption_key(key, message.salt, digest), message.sealed, header);
  if (!opened) {
    return fail(Errc::unauthenticated, reason::kCiphertextChanged,
                "the ciphertext was changed since it was sealed");
  }
  return opened;
}

}  // namespace cofferdam::custody
