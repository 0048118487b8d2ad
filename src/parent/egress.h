// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "net/relay.h"
#include "net/stream_server.h"
#include "parent/allow_list.h"

namespace cofferdam::parent {

struct EgressOptions {
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds connect_timeout{10'000};
  net::RelayOptions relay;
  std::size_t max_connections = 8192;
};

struct EgressCounts {
  std::uint64_t accepted = 0;  // Tunnels opened.
  std::uint64_t denied = 0;    // Destination not on the list.
  std::uint64_t failed = 0;    // Destination not reached.
  net::RelayCounts bytes;      // from_a: out of the enclave; from_b: into it.
};

// The enclave's way out: HTTP CONNECT to allow-listed destinations, then a bare relay.
// TLS ends inside the enclave, so this sees names, sizes and times, never content.
//
// Names are looked up for each connection. A destination that cannot be reached costs its
// own connection a 502 and touches no other. Not on the list: 403
// "destination_not_allowed". Anything but CONNECT: 405.
//
// Threads and lifetime as net::StreamServer.
class EgressProxy {
 public:
  EgressProxy(boost::asio::any_io_executor executor, AllowList allowed, EgressOptions options = {});

  Result<net::Endpoint> listen(const net::Endpoint& endpoint) { return server_.listen(endpoint); }
  Task<void> drain(std::chrono::milliseconds grace) { return server_.drain(grace); }

  const EgressCounts& counts() const noexcept { return counts_; }
  std::size_t open_connections() const noexcept { return server_.open_connections(); }

 private:
  using Connection = std::shared_ptr<net::ServedConnection>;

  Task<void> serve(net::Stream stream, Connection connection);
  Task<net::Stream> open_tunnel(std::string target);

  AllowList allowed_;
  EgressOptions options_;
  EgressCounts counts_;
  net::StreamServer server_;
};

}  // namespace cofferdam::parent
