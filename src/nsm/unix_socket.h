// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/un.h>

#include <cstddef>
#include <filesystem>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

// What both ends of the Unix-socket form of the module share. Nothing outside src/nsm
// includes this.
namespace cofferdam::nsm {

// Octets of the length in front of each message.
inline constexpr std::size_t kFrameHeadSize = 4;

// Errc::invalid_input when the path is empty or longer than a socket address holds.
Result<sockaddr_un> unix_address(const std::filesystem::path& path);

// A connected stream socket whose calls block for at most ten seconds. Errc::not_found when
// there is no such file, Errc::unavailable when nobody listens.
Result<UniqueFd> connect_unix(const std::filesystem::path& path);

// The message with its length in front.
Bytes framed(ByteView message);

}  // namespace cofferdam::nsm
