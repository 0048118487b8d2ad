// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::net {

// Reads which name a TLS client asks for, without being a party to the connection: the
// ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) and in it the extension
// server_name (RFC 6066 section 3), whatever records it is cut into. A proxy passes the
// bytes on as they came.
//
// Strict where two readers might see two names: one server_name extension with one entry,
// which is a host name; no byte left over at any level, and none behind the ClientHello,
// since a client has nothing to say before the answer. Errors are Errc::invalid_input, with
// the reason "no_tls" when it is no TLS handshake at all. With encrypted hellos (ECH) this is
// the outer name.
class ClientHelloReader {
 public:
  static constexpr std::size_t kMaxSize = std::size_t{32} * 1024;  // Of the message.

  // Takes the next bytes. True once the ClientHello is complete; then and after an error it
  // must not be called again.
  Result<bool> put(ByteView input);

  // In lower case; empty if the client named nobody. Once complete.
  const std::string& server_name() const noexcept { return server_name_; }

 private:
  static constexpr std::size_t kRecordHeader = 5;

  Status begin_record();
  Result<bool> add(ByteView fragment);
  Status parse(ByteView body);

  std::array<std::uint8_t, kRecordHeader> header_{};
  std::size_t header_size_ = 0;
  std::size_t left_in_record_ = 0;
  Bytes message_;
  std::string server_name_;
};

}  // namespace cofferdam::net
