// SPDX-License-Identifier: Apache-2.0
#include "attest/document.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "attest/cose.h"
#include "attest/reason.h"
#include "base/encoding.h"
#include "bytes/cbor.h"

namespace cofferdam::attest {
namespace {

constexpr std::int64_t kEs384 = -35;
constexpr std::size_t kMaxPayloadSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxModuleIdSize = 256;
constexpr std::size_t kMaxPcrs = 32;
constexpr std::size_t kMaxCertificateSize = 1024;
constexpr std::size_t kMaxCabundle = 8;
constexpr std::size_t kMaxOptionalSize = 1024;
constexpr std::uint64_t kMaxTimestamp = 253402300799999;  // The end of the year 9999.

constexpr std::array<std::string_view, 10> kFields{
    "module_id",   "digest",   "timestamp",  "pcrs",      "nitrotpm_pcrs",
    "certificate", "cabundle", "public_key", "user_data", "nonce"};

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kMalformed, std::move(detail));
}

std::unexpected<Error> malformed(std::string_view field, std::string detail) {
  return malformed(std::string(field) + ": " + std::move(detail));
}

Result<const cbor::Item*> mandatory(const cbor::Item& payload, std::string_view field) {
  const cbor::Item* item = payload.find(field);
  if (item == nullptr) return malformed(field, "is missing");
  return item;
}

Result<Bytes> byte_string(std::string_view field, const cbor::Item& item, std::size_t min_size,
                          std::size_t max_size) {
  const auto bytes = item.bytes();
  if (!bytes) return malformed(field, bytes.error().detail);
  if (bytes->size() < min_size || bytes->size() > max_size) {
    return malformed(field, "expected " + std::to_string(min_size) + " to " +
                                std::to_string(max_size) + " bytes, found " +
                                std::to_string(bytes->size()));
  }
  return to_bytes(*bytes);
}

// Absent and null are the same; real documents write null.
Result<std::optional<Bytes>> optional_bytes(const cbor::Item& payload, std::string_view field) {
  const cbor::Item* item = payload.find(field);
  if (item == nullptr || item->is_null()) return std::nullopt;
  COFFERDAM_TRY(Bytes bytes, byte_string(field, *item, 0, kMaxOptionalSize));
  return bytes;
}

Result<std::string> module_id(const cbor::Item& payload) {
  COFFERDAM_TRY(const cbor::Item* item, mandatory(payload, "module_id"));
  const auto text = item->text();
  if (!text) return malformed("module_id", text.error().detail);
  if (text->empty() || text->size() > kMaxModuleIdSize) {
    return malformed("module_id", "expected 1 to 256 bytes, found " + std::to_string(text->size()));
  }
  return std::string(*text);
}

Result<std::string> digest(const cbor::Item& payload) {
  COFFERDAM_TRY(const cbor::Item* item, mandatory(payload, "digest"));
  const auto text = item->text();
  if (!text) return malformed("digest", text.error().detail);
  if (*text != "SHA384") return malformed("digest", "is not SHA384");
  return std::string(*text);
}

Result<Timestamp> timestamp(const cbor::Item& payload) {
  COFFERDAM_TRY(const cbor::Item* item, mandatory(payload, "timestamp"));
  const auto value = item->unsigned_integer();
  if (!value) return malformed("timestamp", value.error().detail);
  if (*value == 0 || *value > kMaxTimestamp) {
    return malformed("timestamp", "is not a time between 1970 and 9999");
  }
  return Timestamp(std::chrono::milliseconds(*value));
}

Result<Pcrs> parse_pcrs(std::string_view field, const cbor::Item& item) {
  const auto entries = item.map();
  if (!entries) return malformed(field, entries.error().detail);
  const std::size_t count = entries->size() / 2;
  if (count == 0 || count > kMaxPcrs) {
    return malformed(field, "expected 1 to 32 registers, found " + std::to_string(count));
  }
  Pcrs out;
  for (std::size_t i = 0; i < entries->size(); i += 2) {
    const auto index = (*entries)[i].unsigned_integer();
    if (!index || *index >= kMaxPcrs) return malformed(field, "a key is not a register, 0 to 31");
    COFFERDAM_TRY(Bytes value, byte_string(field, (*entries)[i + 1], 32, 64));
    if (value.size() % 16 != 0) {
      return malformed(
          field, "a value is " + std::to_string(value.size()) + " bytes long, not 32, 48 or 64");
    }
    out.emplace(static_cast<std::uint8_t>(*index), std::move(value));
  }
  return out;
}

// Which of the two fields holds the registers says what kind of module signed.
Status read_pcrs(const cbor::Item& payload, Document& out) {
  const cbor::Item* enclave = payload.find("pcrs");
  const cbor::Item* nitrotpm = payload.find("nitrotpm_pcrs");
  if (enclave != nullptr && nitrotpm != nullptr) {
    return malformed("pcrs and nitrotpm_pcrs are both present");
  }
  if (enclave == nullptr && nitrotpm == nullptr) return malformed("pcrs", "is missing");
  out.kind = enclave != nullptr ? Kind::enclave : Kind::nitrotpm;
  COFFERDAM_TRY(out.pcrs, enclave != nullptr ? parse_pcrs("pcrs", *enclave)
                                             : parse_pcrs("nitrotpm_pcrs", *nitrotpm));
  return {};
}

Status read_certificates(const cbor::Item& payload, Document& out) {
  COFFERDAM_TRY(const cbor::Item* certificate, mandatory(payload, "certificate"));
  COFFERDAM_TRY(out.certificate, byte_string("certificate", *certificate, 1, kMaxCertificateSize));
  COFFERDAM_TRY(const cbor::Item* cabundle, mandatory(payload, "cabundle"));
  const auto entries = cabundle->array();
  if (!entries) return malformed("cabundle", entries.error().detail);
  if (entries->empty() || entries->size() > kMaxCabundle) {
    return malformed("cabundle", "expected 1 to " + std::to_string(kMaxCabundle) +
                                     " certificates, found " + std::to_string(entries->size()));
  }
  for (const cbor::Item& entry : *entries) {
    COFFERDAM_TRY(Bytes der, byte_string("cabundle", entry, 1, kMaxCertificateSize));
    out.cabundle.push_back(std::move(der));
  }
  return {};
}

Status read_unknown_fields(const cbor::Item& payload, Document& out) {
  const auto entries = payload.map();
  if (!entries) return malformed("payload: " + entries.error().detail);
  for (std::size_t i = 0; i < entries->size(); i += 2) {
    const auto name = (*entries)[i].text();
    if (!name) return malformed("payload: a key is not text");
    if (std::ranges::find(kFields, *name) == kFields.end()) out.unknown_fields.emplace_back(*name);
  }
  return {};
}

Result<Document> parse_payload(ByteView bytes) {
  const auto payload =
      cbor::parse(bytes, {.max_size = kMaxPayloadSize, .max_depth = 4, .max_items = 256});
  if (!payload) return malformed("payload: " + payload.error().detail);
  Document out;
  COFFERDAM_CHECK(read_unknown_fields(*payload, out));
  COFFERDAM_TRY(out.module_id, module_id(*payload));
  COFFERDAM_TRY(out.digest, digest(*payload));
  COFFERDAM_TRY(out.timestamp, timestamp(*payload));
  COFFERDAM_CHECK(read_pcrs(*payload, out));
  COFFERDAM_CHECK(read_certificates(*payload, out));
  COFFERDAM_TRY(out.public_key, optional_bytes(*payload, "public_key"));
  COFFERDAM_TRY(out.user_data, optional_bytes(*payload, "user_data"));
  COFFERDAM_TRY(out.nonce, optional_bytes(*payload, "nonce"));
  return out;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Result<SignedDocument> parse_document(ByteView bytes) {
  COFFERDAM_TRY(const CoseSign1 message, parse_cose_sign1(bytes, kMaxDocumentSize));
  if (message.algorithm != kEs384) {
    return fail(Errc::invalid_input, reason::kWrongAlgorithm,
                "the header names algorithm " + std::to_string(message.algorithm) +
                    "; attestation documents are signed with ES384 (-35)");
  }
  COFFERDAM_TRY(Document document, parse_payload(message.payload));
  return SignedDocument{.document = std::move(document), .message = message};
}

Result<Bytes> decode_document_input(ByteView input) {
  // A COSE_Sign1 begins with an array of four or with tag 18: no text begins so.
  if (!input.empty() && input[0] >= 0x80) return to_bytes(input);
  if (input.size() > 4 * kMaxDocumentSize) return malformed("the input is too long for a document");
  std::string text(as_text(input));
  std::erase_if(text, is_space);
  if (text.empty()) return malformed("the input is empty");
  if (auto hex = from_hex(text)) return *std::move(hex);
  if (auto base64 = from_base64(text)) return *std::move(base64);
  return malformed("the input is neither a raw document nor base64 nor hexadecimal text");
}

bool is_debug(const Pcrs& pcrs) {
  for (std::uint8_t index = 0; index <= 2; ++index) {
    const auto found = pcrs.find(index);
    if (found == pcrs.end()) continue;
    if (std::ranges::any_of(found->second, [](std::uint8_t b) { return b != 0; })) return false;
  }
  return true;
}

}  // namespace cofferdam::attest
