// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/relay.h"
#include "net/stream_server.h"

namespace cofferdam::parent {

// A door into the enclave.
struct IngressRule {
  static constexpr std::size_t kDefaultConnections = 1024;

  net::Endpoint listen;
  net::Endpoint target;       // Of the enclave: vsock or Unix.
  bool proxy_header = false;  // Tell it who connected (PROXY protocol, version 2).
  std::size_t max_connections = kDefaultConnections;  // Further ones wait in the backlog.
};

// From "LISTEN=TARGET[,proxy][,connections=N]".
Result<IngressRule> parse_ingress_rule(std::string_view text);

struct IngressCounts {
  std::uint64_t accepted = 0;  // Connections that reached the enclave.
  std::uint64_t failed = 0;    // Those that did not.
  net::RelayCounts bytes;      // from_a: into the enclave; from_b: out of it.
};

struct IngressOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  net::RelayOptions relay;
};

// Carries connections from outside to the enclave, which authenticates them: this sees
// what the network sees. A client whose enclave cannot be reached is disconnected.
//
// Threads and lifetime as net::StreamServer.
class Ingress {
 public:
  Ingress(boost::asio::any_io_executor executor, IngressRule rule, IngressOptions options = {});

  const IngressRule& rule() const noexcept { return rule_; }
  net::StreamServer& server() noexcept { return server_; }
  Task<void> drain(std::chrono::milliseconds grace) { return server_.drain(grace); }

  const IngressCounts& counts() const noexcept { return counts_; }
  std::size_t open_connections() const noexcept { return server_.open_connections(); }

 private:
  Task<void> serve(net::Stream stream);

  IngressRule rule_;
  IngressOptions options_;
  IngressCounts counts_;
  net::StreamServer server_;
};

}  // namespace cofferdam::parent
