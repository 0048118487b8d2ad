// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/byte_view.h"
#include "net/stream.h"

// The PROXY protocol, version 2: where a relay says a connection came from. The relay is
// the parent, so what it says is information for logs and decides nothing.
// Source: haproxy.org, proxy-protocol.txt, section 2.2.
namespace cofferdam::channel {

inline constexpr std::size_t kProxyPreambleSize = 16;
inline constexpr std::size_t kMaxProxyHeaderSize = 1024;

// How many bytes follow the preamble. Errc::invalid_input for anything but version 2, or
// more bytes than we would read.
Result<std::size_t> proxy_header_rest(ByteView preamble);

// "203.0.113.7:4711"; "local" and "unknown" where the header names no address. `rest` has
// exactly the size that the preamble announced.
Result<std::string> parse_proxy_header(ByteView preamble, ByteView rest);

// Reads the header and not one byte further.
Task<std::string> read_proxy_header(net::Stream& stream);

}  // namespace cofferdam::channel
