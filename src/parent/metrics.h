// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/dialer.h"
#include "parent/egress.h"
#include "parent/gauges.h"
#include "parent/ingress.h"
#include "parent/ledger_forward.h"
#include "parent/ledger_store.h"

namespace cofferdam::parent {

// What is known of one parent at one moment.
struct MetricsSnapshot {
  struct Door {
    std::string listen;
    std::size_t open = 0;
    IngressCounts counts;
  };

  EgressProxy::PerDestination destinations;
  std::map<std::string_view, std::uint64_t> denials;  // By reason.
  std::size_t open_tunnels = 0;
  net::DialerCounts lookups;
  std::vector<Door> doors;
  std::uint64_t refused_peers = 0;
  std::uint64_t heartbeats = 0;
  std::optional<std::int64_t> seconds_since_heartbeat;
  LedgerCounts ledger;
  std::optional<ForwardCounts> forward;
  std::uint64_t credential_failures = 0;
  std::uint64_t reloads = 0;
  std::uint64_t failed_reloads = 0;
  std::optional<Gauges> enclave;
};

// Prometheus text format 0.0.4. Every name of ours begins with cofferdam_parent_, and what
// the enclave says of itself with cofferdam_enclave_: nobody checked that.
std::string render_metrics(const MetricsSnapshot& snapshot);

}  // namespace cofferdam::parent
