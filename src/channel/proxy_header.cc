// SPDX-License-Identifier: Apache-2.0
#include "channel/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace cofferdam::channel {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::uint8_t kVersion2 = 0x2;
constexpr std::uint8_t kLocal = 0x0;
constexpr std::uint8_t kProxy = 0x1;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::invalid_input, "PROXY protocol: expected " + std::string(what));
}

std::size_t u16_at(ByteView bytes, std::size_t at) {
  return static_cast<std::size_t>(bytes[at]) << 8 | bytes[at + 1];
}

// Source address, destination address, source port, destination port.
Result<std::string> source_of(int family, std::size_t address_size, ByteView rest) {
  if (rest.size() < 2 * address_size + 4) return malformed("two addresses and ports");
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, rest.data(), text.data(), text.size());
  const std::string address = text.data();
  const std::string port = std::to_string(u16_at(rest, 2 * address_size));
  return family == AF_INET6 ? "[" + address + "]:" + port : address + ":" + port;
}

Task<void> read_exactly(net::Stream& stream, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(into));
    if (size == 0) co_return malformed("a whole header");
    into = into.subspan(size);
  }
  co_return Status();
}

}  // namespace

Result<std::size_t> proxy_header_rest(ByteView preamble) {
  if (preamble.size() != kProxyPreambleSize ||
      !std::ranges::equal(preamble.first(kSignature.size()), kSignature) ||
      preamble[12] >> 4 != kVersion2) {
    return malformed("a header of version 2 (proxy_protocol is on in [channel])");
  }
  const std::size_t size = u16_at(preamble, 14);
  if (size > kMaxProxyHeaderSize) return malformed("at most 1024 bytes");
  return size;
}

Result<std::string> parse_proxy_header(ByteView preamble, ByteView rest) {
  COFFERDAM_TRY(const std::size_t size, proxy_header_rest(preamble));
  if (rest.size() != size) return malformed("as many bytes as announced");
  const std::uint8_t command = preamble[12] & 0x0f;
  if (command == kLocal) return std::string("local");
  if (command != kProxy) return malformed("the command LOCAL or PROXY");
  if (preamble[13] == kTcp4) return source_of(AF_INET, 4, rest);
  if (preamble[13] == kTcp6) return source_of(AF_INET6, 16, rest);
  return std::string("unknown");
}

Task<std::string> read_proxy_header(net::Stream& stream) {
  std::array<std::uint8_t, kProxyPreambleSize> preamble{};
  COFFERDAM_CO_CHECK(co_await read_exactly(stream, preamble));
  COFFERDAM_CO_TRY(const std::size_t size, proxy_header_rest(preamble));
  Bytes rest(size);
  COFFERDAM_CO_CHECK(co_await read_exactly(stream, rest));
  co_return parse_proxy_header(preamble, rest);
}

}  // namespace cofferdam::channel
