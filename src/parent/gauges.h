// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::parent {

// What an enclave says about itself in POST /v1/gauges, for the parent's metrics. Every
// member may be missing: it is then not shown.
struct Gauges {
  std::map<std::string, std::int64_t> secret_age_seconds;  // By name of the secret.
  std::map<std::string, std::int64_t> denials;             // By reason.
  std::optional<std::int64_t> clock_correction_ms;         // May be negative.
  std::optional<std::int64_t> attestation_failures;
  std::optional<std::int64_t> recipient_pool;
  std::optional<std::int64_t> workload_restarts;

  bool operator==(const Gauges&) const = default;
};

// Reads {"secretAgeSeconds": {NAME: n}, "clockCorrectionMs": n, "attestationFailures": n,
// "recipientPool": n, "workloadRestarts": n, "denials": {REASON: n}}. At most 16 KiB and 256
// names, each of letters, digits, '-', '_' and '.', so that they need no escaping. Members
// of later versions are left out. Errc::invalid_input for anything else.
Result<Gauges> parse_gauges(ByteView body);

}  // namespace cofferdam::parent
