// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "bytes/byte_reader.h"
#include "net/endpoint.h"

namespace cofferdam::net {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kMajorVersion = 3;
constexpr std::size_t kMaxRecord = std::size_t{1} << 14;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kRandomSize = 32;
constexpr std::size_t kMaxSessionId = 32;
constexpr std::size_t kMaxVector = 65535;
constexpr std::uint16_t kServerName = 0;
constexpr std::uint8_t kHostName = 0;

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::invalid_input, "a TLS ClientHello with " + std::string(what));
}

Result<ByteView> prefixed8(ByteReader& reader) {
  COFFERDAM_TRY(const std::uint8_t size, reader.u8());
  return reader.bytes(size);
}

// The one host name of a server_name extension.
Result<std::string> parse_server_name(ByteView extension) {
  ByteReader outer(extension);
  COFFERDAM_TRY(const ByteView list, outer.prefixed16(kMaxVector));
  COFFERDAM_CHECK(outer.finish());
  ByteReader entries(list);
  COFFERDAM_TRY(const std::uint8_t type, entries.u8());
  COFFERDAM_TRY(const ByteView name, entries.prefixed16(kMaxVector));
  COFFERDAM_CHECK(entries.finish());
  // The rules for host names are those of endpoints; a colon would begin a port there.
  const std::string text(as_text(name));
  const auto endpoint = parse_endpoint("tcp:" + text + ":0");
  if (type != kHostName || !endpoint || std::get<TcpAddress>(*endpoint).host != text) {
    return malformed("a server name that is no host name");
  }
  return to_lower(text);
}

Result<std::string> find_server_name(ByteView extensions) {
  ByteReader reader(extensions);
  std::set<std::uint16_t> seen;
  std::string name;
  while (reader.remaining() > 0) {
    COFFERDAM_TRY(const std::uint16_t type, reader.u16());
    COFFERDAM_TRY(const ByteView content, reader.prefixed16(kMaxVector));
    if (!seen.insert(type).second) return malformed("an extension that comes twice");
    if (type != kServerName) continue;
    COFFERDAM_TRY(name, parse_server_name(content));
  }
  return name;
}

}  // namespace

Result<bool> ClientHelloReader::put(ByteView input) {
  while (!input.empty()) {
    if (left_in_record_ == 0) {
      header_[header_size_++] = input.front();
      input = input.subspan(1);
      if (header_[0] != kHandshakeRecord || (header_size_ > 1 && header_[1] != kMajorVersion)) {
        return fail(Errc::invalid_input, "no_tls", "expected a TLS handshake, found other bytes");
      }
      if (header_size_ == kRecordHeader) COFFERDAM_CHECK(begin_record());
      continue;
    }
    const std::size_t size = std::min(left_in_record_, input.size());
    COFFERDAM_TRY(const bool complete, add(input.first(size)));
    left_in_record_ -= size;
    input = input.subspan(size);
    if (!complete) continue;
    if (left_in_record_ > 0 || !input.empty()) return malformed("more behind it");
    return true;
  }
  return false;
}

Status ClientHelloReader::begin_record() {
  left_in_record_ = static_cast<std::size_t>(header_[3]) << 8 | header_[4];
  header_size_ = 0;
  if (left_in_record_ == 0 || left_in_record_ > kMaxRecord) {
    return malformed("a record of a size that cannot be");
  }
  return {};
}

Result<bool> ClientHelloReader::add(ByteView fragment) {
  if (message_.size() + fragment.size() > kMaxSize) {
    return malformed("more than " + std::to_string(kMaxSize) + " bytes");
  }
  message_.insert(message_.end(), fragment.begin(), fragment.end());
  if (message_.front() != kClientHello) {
    return fail(Errc::invalid_input, "no_tls", "expected a TLS ClientHello, found another message");
  }
  if (message_.size() < kMessageHeader) return false;
  const std::size_t size = static_cast<std::size_t>(message_[1]) << 16 |
                           static_cast<std::size_t>(message_[2]) << 8 | message_[3];
  if (size > kMaxSize) return malformed("more than " + std::to_string(kMaxSize) + " bytes");
  const ByteView body = ByteView(message_).subspan(kMessageHeader);
  if (body.size() < size) return false;
  if (body.size() > size) return malformed("more behind it");
  COFFERDAM_CHECK(parse(body));
  return true;
}

Status ClientHelloReader::parse(ByteView body) {
  ByteReader reader(body);
  COFFERDAM_CHECK(reader.u16());  // legacy_version
  COFFERDAM_CHECK(reader.bytes(kRandomSize));
  COFFERDAM_TRY(const ByteView session_id, prefixed8(reader));
  if (session_id.size() > kMaxSessionId) return malformed("a session id that is too long");
  COFFERDAM_CHECK(reader.prefixed16(kMaxVector));  // cipher_suites
  COFFERDAM_CHECK(prefixed8(reader));              // legacy_compression_methods
  if (reader.remaining() == 0) return {};          // TLS 1.2 may do without extensions.
  COFFERDAM_TRY(const ByteView extensions, reader.prefixed16(kMaxVector));
  COFFERDAM_CHECK(reader.finish());
  COFFERDAM_TRY(server_name_, find_server_name(extensions));
  return {};
}

}  // namespace cofferdam::net
