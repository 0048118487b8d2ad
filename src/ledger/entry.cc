// SPDX-License-Identifier: Apache-2.0
#include "ledger/entry.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "bytes/cbor.h"
#include "ledger/canonical.h"

namespace cofferdam::ledger {
namespace {

// With their zero bytes, which no other domain of the project contains.
constexpr std::string_view kIdDomain{"cofferdam/ledger/id/v1\0", 23};
constexpr std::string_view kEntryDomain{"cofferdam/ledger/entry/v1\0", 26};
constexpr std::string_view kHeadDomain{"cofferdam/ledger/head/v1\0", 25};
constexpr std::string_view kUserDataDomain = "cofferdam/ledger/v1";

constexpr std::size_t kSignatureSize = 64;
constexpr std::size_t kMaxDepth = 6;

std::unexpected<Error> refused(std::string_view what) {
  return fail(Errc::invalid_input, "ledger: " + std::string(what));
}

json::object to_json(const Entry& entry) {
  return {{"kind", entry.kind},
          {"ledger", to_hex(entry.ledger)},
          {"previous", to_hex(entry.previous)},
          {"record", entry.record},
          {"sequence", static_cast<std::int64_t>(entry.sequence)},
          {"time", format_rfc3339(entry.time)}};
}

json::object to_json(const Head& head) {
  return {{"hash", to_hex(head.hash)},
          {"ledger", to_hex(head.ledger)},
          {"size", static_cast<std::int64_t>(head.size)},
          {"time", format_rfc3339(head.time)}};
}

Result<Bytes> signed_bytes(const Head& head) {
  COFFERDAM_TRY(const std::string text, canonical_json(to_json(head)));
  Bytes out = to_bytes(kHeadDomain);
  std::ranges::copy(as_bytes(text), std::back_inserter(out));
  return out;
}

// ---- reading

template <std::size_t kSize>
Status read_hex(const json::object& object, std::string_view name,
                std::array<std::uint8_t, kSize>& out) {
  COFFERDAM_TRY(const std::string text, required_string(object, name));
  COFFERDAM_TRY(const Bytes bytes, from_hex(text));
  if (bytes.size() != kSize) return refused("'" + std::string(name) + "' has another length");
  std::ranges::copy(bytes, out.begin());
  return {};
}

Status read_count(const json::object& object, std::string_view name, std::uint64_t& out) {
  COFFERDAM_TRY(const auto number, optional_integer(object, name));
  if (!number || *number < 0) return refused("'" + std::string(name) + "' is no count");
  out = static_cast<std::uint64_t>(*number);
  return {};
}

Status read_time(const json::object& object, Timestamp& out) {
  COFFERDAM_TRY(const std::string text, required_string(object, "time"));
  COFFERDAM_TRY(out, parse_rfc3339(text));
  return {};
}

const json::object* member_object(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

Result<Entry> read_entry(const json::object& object) {
  Entry out;
  const json::object* const record = member_object(object, "record");
  if (record == nullptr) return refused("an entry without a record");
  out.record = *record;
  COFFERDAM_CHECK(read_hex(object, "ledger", out.ledger));
  COFFERDAM_CHECK(read_hex(object, "previous", out.previous));
  COFFERDAM_CHECK(read_count(object, "sequence", out.sequence));
  COFFERDAM_CHECK(read_time(object, out.time));
  COFFERDAM_TRY(out.kind, required_string(object, "kind"));
  return out;
}

Result<SignedHead> read_head(const json::object& object) {
  SignedHead out;
  COFFERDAM_CHECK(read_hex(object, "ledger", out.head.ledger));
  COFFERDAM_CHECK(read_hex(object, "hash", out.head.hash));
  COFFERDAM_CHECK(read_count(object, "size", out.head.size));
  COFFERDAM_CHECK(read_time(object, out.head.time));
  COFFERDAM_TRY(const std::string signature, required_string(object, "signature"));
  COFFERDAM_TRY(out.signature, from_base64(signature));
  if (out.signature.size() != kSignatureSize) return refused("a signature of another length");
  return out;
}

}  // namespace

LedgerId ledger_id(ByteView spki) { return crypto::sha256({as_bytes(kIdDomain), spki}); }

Bytes ledger_user_data(const LedgerId& ledger) {
  cbor::Writer out;
  out.array(2).text(kUserDataDomain).bytes(ledger);
  return to_bytes(crypto::sha384(out.view()));
}

Result<EntryHash> hash_of(const Entry& entry) {
  COFFERDAM_TRY(const std::string text, canonical_json(to_json(entry)));
  return crypto::sha384({as_bytes(kEntryDomain), as_bytes(text)});
}

Result<SignedHead> sign_head(const Head& head, const crypto::SigningKey& key) {
  COFFERDAM_TRY(const Bytes bytes, signed_bytes(head));
  COFFERDAM_TRY(Bytes signature, key.sign(bytes));
  return SignedHead{.head = head, .signature = std::move(signature)};
}

Status verify_head(const SignedHead& head, const crypto::EcPublicKey& key) {
  COFFERDAM_TRY(const Bytes bytes, signed_bytes(head.head));
  return key.verify(crypto::hash_for(key.curve()), bytes, head.signature);
}

json::object to_json(const SignedHead& head) {
  json::object out = to_json(head.head);
  out["signature"] = to_base64(head.signature);
  return out;
}

Result<SignedHead> parse_head(const json::value& value) {
  if (!value.is_object()) return refused("a head that is no object");
  COFFERDAM_TRY(SignedHead out, read_head(value.get_object()));
  if (json::value(to_json(out)) != value) return refused("a head in another form");
  return out;
}

Result<std::string> to_line(const SignedEntry& entry) {
  const json::object both{{"entry", to_json(entry.entry)}, {"head", to_json(entry.head)}};
  COFFERDAM_TRY(std::string line, canonical_json(both));
  if (line.size() > kMaxLineSize) return refused("an entry that does not fit into a line");
  return line;
}

Result<SignedEntry> parse_line(std::string_view line) {
  COFFERDAM_TRY(const json::value value, parse_json(line, kMaxLineSize, kMaxDepth));
  if (!value.is_object()) return refused("a line that is no object");
  const json::object* const entry = member_object(value.get_object(), "entry");
  const json::object* const head = member_object(value.get_object(), "head");
  if (entry == nullptr || head == nullptr) return refused("a line without an entry and its head");
  SignedEntry out;
  COFFERDAM_TRY(out.entry, read_entry(*entry));
  COFFERDAM_TRY(out.head, read_head(*head));
  COFFERDAM_TRY(const std::string canonical, to_line(out));
  if (canonical != line) return refused("a line that is not in canonical form");
  return out;
}

}  // namespace cofferdam::ledger
