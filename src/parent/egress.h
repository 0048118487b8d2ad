// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "net/dialer.h"
#include "net/relay.h"
#include "net/stream_server.h"
#include "parent/allow_list.h"

namespace cofferdam::parent {

struct EgressOptions {
  std::chrono::milliseconds header_timeout{10'000};  // Of the request, and of a ClientHello.
  std::chrono::milliseconds connect_timeout{10'000};
  net::RelayOptions relay;
  std::size_t max_connections = 8192;  // Further ones wait in the backlog.
  net::DialerOptions dialer;
};

struct EgressCounts {
  std::uint64_t accepted = 0;  // Tunnels opened.
  std::uint64_t denied = 0;    // Not on the list, too many, or TLS for somebody else.
  std::uint64_t failed = 0;    // Destination not reached.
  net::RelayCounts bytes;      // from_a: out of the enclave; from_b: into it.
};

// The same for one destination, while it is on the list.
struct DestinationCounts : EgressCounts {
  std::size_t open = 0;
};

// The enclave's way out: HTTP CONNECT to allow-listed destinations, then a bare relay.
// TLS ends inside the enclave, so this sees names, sizes and times, never content.
//
// Where a destination is TLS, the enclave's first bytes have to be a ClientHello for the
// name it asked for; they are read and passed on unchanged, and another name is answered
// with the alert unrecognized_name. A destination that cannot be reached costs its own
// connection a 502 and touches no other. Refusals before the tunnel stands: 403
// "destination_not_allowed", 503 "destination_busy", and 405 for anything but CONNECT.
//
// Threads and lifetime as net::StreamServer.
class EgressProxy {
 public:
  EgressProxy(boost::asio::any_io_executor executor, AllowList allowed, EgressOptions options = {});

  net::StreamServer& server() noexcept { return server_; }
  Task<void> drain(std::chrono::milliseconds grace) { return server_.drain(grace); }

  // For connections from now on. Tunnels that stand go on, and destinations that stay keep
  // their counts.
  void set_allowed(AllowList allowed);

  EgressCounts counts() const;
  using PerDestination = std::map<net::TcpAddress, std::shared_ptr<const DestinationCounts>>;
  PerDestination per_destination() const;
  // By reason: "destination_not_allowed", "destination_busy", "no_tls", "wrong_server_name".
  const std::map<std::string_view, std::uint64_t>& denials() const noexcept { return denials_; }
  const net::DialerCounts& lookups() const noexcept { return dialer_.counts(); }
  std::size_t open_connections() const noexcept { return server_.open_connections(); }

 private:
  using Connection = std::shared_ptr<net::ServedConnection>;
  using Counts = std::shared_ptr<DestinationCounts>;
  struct Tunnel;

  Task<void> serve(net::Stream stream, Connection connection);
  Task<Tunnel> open_tunnel(std::string target);
  Task<Bytes> first_bytes(net::Stream& stream, const Tunnel& tunnel, Bytes early);
  std::unexpected<Error> deny(std::string_view reason, const std::string& name,
                              std::string_view why);

  AllowList allowed_;
  EgressOptions options_;
  net::Dialer dialer_;
  std::map<net::TcpAddress, Counts> counts_;
  EgressCounts gone_;  // Of destinations that have left the list.
  std::map<std::string_view, std::uint64_t> denials_;
  net::StreamServer server_;
};

}  // namespace cofferdam::parent
