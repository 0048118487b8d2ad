// SPDX-License-Identifier: Apache-2.0
// The answer of KMS, as a peer could forge it: the input as it is, and the input as a list
// of edits to a message that is really for this key, which gets past the key identifier and
// the decryption of the content key. Whatever opens must open the same way twice.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "base/secret.h"
#include "crypto/cms.h"
#include "crypto/rsa.h"

namespace {

using cofferdam::Bytes;
using cofferdam::ByteView;
using cofferdam::Secret;
using cofferdam::crypto::RsaPrivateKey;

struct Fixture {
  RsaPrivateKey key;
  Bytes message;
};

Fixture make_fixture() {
  auto key = RsaPrivateKey::generate();
  if (!key) std::abort();
  auto message = cofferdam::crypto::cms_seal(
      Secret::copy_of(cofferdam::as_bytes("thirty-two bytes of a data key..")), key->spki());
  if (!message) std::abort();
  return {.key = *std::move(key), .message = *std::move(message)};
}

// Each three octets replace one octet of the message; what is left over cuts its end.
Bytes edited(Bytes message, ByteView edits) {
  for (; edits.size() >= 3; edits = edits.subspan(3)) {
    const std::size_t at = static_cast<std::size_t>(edits[0] << 8 | edits[1]) % message.size();
    message[at] = edits[2];
  }
  message.resize(message.size() - edits.size());
  return message;
}

void open_twice(ByteView input, const RsaPrivateKey& key) {
  const auto opened = cofferdam::crypto::cms_open(input, key);
  if (!opened) return;
  const auto again = cofferdam::crypto::cms_open(input, key);
  if (!again || !(*again == *opened)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fixture fixture = make_fixture();
  const ByteView input(data, size);
  open_twice(input, fixture.key);
  open_twice(edited(fixture.message, input), fixture.key);
  return 0;
}
