// SPDX-License-Identifier: Apache-2.0
#include "cloud/ciphertext.h"

#include <algorithm>
#include <array>
#include <vector>

#include "bytes/byte_reader.h"
#include "bytes/byte_writer.h"
#include "bytes/cbor.h"
#include "cloud/uuid.h"
#include "crypto/aead.h"

namespace cofferdam::cloud {
namespace {

constexpr std::array<std::uint8_t, 3> kMagic{'C', 'F', 'K'};
constexpr std::uint8_t kWithoutSerial = 1;
constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kSerialSize = 4;

std::size_t header_size(std::uint8_t version) noexcept {
  const std::size_t serial = version == kWithoutSerial ? 0 : kSerialSize;
  return kMagic.size() + 1 + sizeof(Uuid) + serial;
}

Bytes encode_text(std::string_view text) {
  cbor::Writer writer;
  writer.text(text);
  return std::move(writer).take();
}

// Map keys go in the bytewise order of their encodings (RFC 8949 section 4.2.1).
Bytes associated_data(std::uint8_t version, const CiphertextKey& key,
                      const EncryptionContext& context) {
  std::vector<std::pair<Bytes, std::string_view>> pairs;
  for (const auto& [name, value] : context) pairs.emplace_back(encode_text(name), value);
  std::ranges::sort(pairs);
  cbor::Writer writer;
  if (version == kWithoutSerial) {
    writer.array(3).text("cofferdam/kms/v1").text(key.arn);
  } else {
    writer.array(4).text("cofferdam/kms/v2").text(key.arn).unsigned_integer(key.serial);
  }
  writer.map(pairs.size());
  for (const auto& [name, value] : pairs) writer.raw(name).text(value);
  return std::move(writer).take();
}

}  // namespace

Result<Bytes> seal_ciphertext(const CiphertextKey& key, const Secret& material,
                              const EncryptionContext& context, ByteView plaintext) {
  const auto id = parse_uuid(key.id);
  if (!id) return fail(Errc::internal, "ciphertext: the key id is not a UUID");
  COFFERDAM_TRY(const Bytes sealed,
                crypto::aead_seal(material, plaintext, associated_data(kVersion, key, context)));
  ByteWriter blob;
  blob.bytes(kMagic);
  blob.u8(kVersion);
  blob.bytes(*id);
  blob.u32(key.serial);
  blob.bytes(sealed);
  return std::move(blob).take();
}

Result<CiphertextHeader> read_ciphertext_header(ByteView blob) {
  if (blob.size() > kMaxCiphertextBlob) {
    return fail(Errc::invalid_input,
                "ciphertext: a blob cannot have " + std::to_string(blob.size()) + " bytes");
  }
  ByteReader reader(blob);
  COFFERDAM_TRY(const ByteView magic, reader.bytes(kMagic.size()));
  COFFERDAM_TRY(const std::uint8_t version, reader.u8());
  if (!std::ranges::equal(magic, kMagic) || (version != kVersion && version != kWithoutSerial)) {
    return fail(Errc::invalid_input, "ciphertext: the blob is not of the local KMS");
  }
  Uuid id;
  COFFERDAM_TRY(const ByteView id_bytes, reader.bytes(id.size()));
  std::ranges::copy(id_bytes, id.begin());
  CiphertextHeader header{.version = version, .key_id = to_text(id), .serial = 0};
  if (version == kVersion) {
    COFFERDAM_TRY(header.serial, reader.u32());
  }
  if (reader.remaining() < crypto::kAeadOverhead) {
    return fail(Errc::invalid_input, "ciphertext: the blob is too short");
  }
  return header;
}

Result<Secret> open_ciphertext(const CiphertextKey& key, const Secret& material,
                               const EncryptionContext& context, ByteView blob) {
  COFFERDAM_TRY(const CiphertextHeader header, read_ciphertext_header(blob));
  if (header.key_id != key.id || header.serial != key.serial) {
    return fail(Errc::unauthenticated, "ciphertext: the blob names another key");
  }
  return crypto::aead_open(material, blob.subspan(header_size(header.version)),
                           associated_data(header.version, key, context));
}

}  // namespace cofferdam::cloud
