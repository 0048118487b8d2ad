// SPDX-License-Identifier: Apache-2.0
#include "nsm/document_writer.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "bytes/cbor.h"

namespace cofferdam::nsm {
namespace {

constexpr std::array<std::uint8_t, 1> kBeginMap{0xbf};
constexpr std::array<std::uint8_t, 1> kBreak{0xff};

void write_optional(cbor::Writer& out, std::string_view name, const std::optional<Bytes>& value) {
  out.text(name);
  if (value) {
    out.bytes(*value);
  } else {
    out.null();
  }
}

}  // namespace

Bytes write_document_payload(const attest::Document& document) {
  const auto milliseconds = document.timestamp.time_since_epoch().count();
  cbor::Writer out;
  out.raw(kBeginMap);
  out.text("module_id").text(document.module_id);
  out.text("digest").text(document.digest);
  out.text("timestamp").unsigned_integer(static_cast<std::uint64_t>(milliseconds));
  out.text("pcrs").map(document.pcrs.size());
  for (const auto& [index, value] : document.pcrs) out.unsigned_integer(index).bytes(value);
  out.text("certificate").bytes(document.certificate);
  out.text("cabundle").array(document.cabundle.size());
  for (const Bytes& certificate : document.cabundle) out.bytes(certificate);
  write_optional(out, "public_key", document.public_key);
  write_optional(out, "user_data", document.user_data);
  write_optional(out, "nonce", document.nonce);
  out.raw(kBreak);
  return std::move(out).take();
}

}  // namespace cofferdam::nsm
