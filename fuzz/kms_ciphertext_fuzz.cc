// SPDX-License-Identifier: Apache-2.0
// Target: cloud::read_ciphertext_header and open_ciphertext. A blob names a well-formed key id,
// and one that nobody sealed never opens.
#include <cstdlib>

#include "cloud/ciphertext.h"
#include "cloud/uuid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  static const Secret material = [] {
    Secret key(32);
    key.reveal_mut()[0] = 1;
    return key;
  }();
  const ByteView blob(data, size);
  const auto header = cloud::read_ciphertext_header(blob);
  if (!header) return 0;
  if (size > cloud::kMaxCiphertextBlob || !cloud::parse_uuid(header->key_id)) abort();
  const cloud::CiphertextKey key{.id = header->key_id,
                                 .arn = "arn:aws:kms:us-east-1:111122223333:key/" + header->key_id,
                                 .serial = header->serial};
  if (cloud::open_ciphertext(key, material, {{"app", "fuzz"}}, blob)) abort();
  return 0;
}
