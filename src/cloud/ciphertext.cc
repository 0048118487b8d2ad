// SPDX-License-Identifier: Apache-2.0
#include "cloud/ciphertext.h"

#include <algorithm>
#include <array>
#include <vector>

#include "bytes/cbor.h"
#include "cloud/uuid.h"
#include "crypto/aead.h"

namespace cofferdam::cloud {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'C', 'F', 'K', 1};
constexpr std::size_t kHeaderSize = kMagic.size() + sizeof(Uuid);

Bytes encode_text(std::string_view text) {
  cbor::Writer writer;
  writer.text(text);
  return std::move(writer).take();
}

// Map keys go in the bytewise order of their encodings (RFC 8949 section 4.2.1).
Bytes associated_data(std::string_view key_arn, const EncryptionContext& context) {
  std::vector<std::pair<Bytes, std::string_view>> pairs;
  for (const auto& [name, value] : context) pairs.emplace_back(encode_text(name), value);
  std::ranges::sort(pairs);
  cbor::Writer writer;
  writer.array(3).text("cofferdam/kms/v1").text(key_arn).map(pairs.size());
  for (const auto& [name, value] : pairs) writer.raw(name).text(value);
  return std::move(writer).take();
}

}  // namespace

Result<Bytes> seal_ciphertext(const CiphertextKey& key, const Secret& material,
                              const EncryptionContext& context, ByteView plaintext) {
  const auto id = parse_uuid(key.id);
  if (!id) return fail(Errc::internal, "ciphertext: the key id is not a UUID");
  COFFERDAM_TRY(const Bytes sealed,
                crypto::aead_seal(material, plaintext, associated_data(key.arn, context)));
  Bytes blob(kMagic.begin(), kMagic.end());
  blob.insert(blob.end(), id->begin(), id->end());
  blob.insert(blob.end(), sealed.begin(), sealed.end());
  return blob;
}

Result<std::string> ciphertext_key_id(ByteView blob) {
  if (blob.size() < kHeaderSize + crypto::kAeadOverhead || blob.size() > kMaxCiphertextBlob) {
    return fail(Errc::invalid_input,
                "ciphertext: a blob cannot have " + std::to_string(blob.size()) + " bytes");
  }
  if (!std::ranges::equal(blob.first(kMagic.size()), kMagic)) {
    return fail(Errc::invalid_input, "ciphertext: the blob is not of the local KMS, version 1");
  }
  Uuid id;
  std::ranges::copy(blob.subspan(kMagic.size(), id.size()), id.begin());
  return to_text(id);
}

Result<Secret> open_ciphertext(const CiphertextKey& key, const Secret& material,
                               const EncryptionContext& context, ByteView blob) {
  COFFERDAM_TRY(const std::string id, ciphertext_key_id(blob));
  if (id != key.id) return fail(Errc::unauthenticated, "ciphertext: the blob names another key");
  return crypto::aead_open(material, blob.subspan(kHeaderSize), associated_data(key.arn, context));
}

}  // namespace cofferdam::cloud
