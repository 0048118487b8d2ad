// SPDX-License-Identifier: Apache-2.0
#include "attest/call_binding.h"

#include <algorithm>
#include <utility>

#include "bytes/cbor.h"
#include "bytes/cbor_text_map.h"

namespace cofferdam::attest {
namespace {

constexpr std::string_view kDomain = "cofferdam/call/v2";
constexpr std::size_t kMaxSize = std::size_t{16} * 1024;  // A context is at most 8 KiB in KMS.
constexpr cbor::Limits kLimits{.max_size = kMaxSize,
                               .max_depth = 2,
                               .max_items = 1024,
                               .allow_indefinite = false,
                               .allow_long_heads = false};

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "call binding: " + std::move(detail));
}

Result<std::optional<crypto::Sha384>> read_digest(const cbor::Item& item) {
  if (item.is_null()) return std::nullopt;
  crypto::Sha384 out{};
  COFFERDAM_TRY(const ByteView bytes, item.bytes());
  if (bytes.size() != out.size()) return bad("the ciphertext digest is not 48 bytes long");
  std::ranges::copy(bytes, out.begin());
  return out;
}

Result<CallBinding> read(ByteView bytes) {
  COFFERDAM_TRY(const cbor::Item root, cbor::parse(bytes, kLimits));
  COFFERDAM_TRY(const auto parts, root.array());
  if (parts.size() != 7) return bad("expected 7 parts, found " + std::to_string(parts.size()));
  COFFERDAM_TRY(const std::string_view domain, parts[0].text());
  if (domain != kDomain) return bad("is not of version cofferdam/call/v2");
  CallBinding out;
  COFFERDAM_TRY(out.operation, parts[1].text());
  COFFERDAM_TRY(out.key_arn, parts[2].text());
  COFFERDAM_TRY(out.encryption_context, cbor::read_text_map(parts[3]));
  COFFERDAM_TRY(out.ciphertext_digest, read_digest(parts[4]));
  COFFERDAM_TRY(out.parameters, cbor::read_text_map(parts[5]));
  COFFERDAM_TRY(out.counter, parts[6].unsigned_integer());
  return out;
}

}  // namespace

Bytes CallBinding::encode() const {
  cbor::Writer out;
  out.array(7).text(kDomain).text(operation).text(key_arn);
  cbor::write_text_map(out, encryption_context);
  if (ciphertext_digest) {
    out.bytes(*ciphertext_digest);
  } else {
    out.null();
  }
  cbor::write_text_map(out, parameters);
  out.unsigned_integer(counter);
  return std::move(out).take();
}

Result<CallBinding> CallBinding::decode(ByteView bytes) {
  COFFERDAM_TRY(CallBinding out, read(bytes));
  if (!std::ranges::equal(out.encode(), bytes)) return bad("is not in deterministic encoding");
  return out;
}

crypto::Sha384 CallBinding::digest() const { return crypto::sha384(encode()); }

}  // namespace cofferdam::attest
