// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "net/task.h"

namespace cofferdam::net {

// The addresses of a host, in the order the system prefers; an address in text is itself.
//
// The C library's lookup blocks and cannot be cancelled, so each runs on a thread of its
// own: a slow one delays nobody else, and a caller whose deadline has passed leaves at
// once. At most 64 run at a time; then, and when the name is unknown, Errc::unavailable.
Task<std::vector<boost::asio::ip::tcp::endpoint>> resolve(std::string host, std::uint16_t port);

}  // namespace cofferdam::net
