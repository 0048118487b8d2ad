// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace cofferdam::agent {

// What an enclave tells its parent about itself, for whoever is on call: counts, ages and
// names of the measured configuration, never a value.
struct Gauges {
  std::map<std::string, std::int64_t> secret_age_seconds;  // Since a kept secret was fetched.
  std::map<std::string, std::uint64_t> denials;            // By reason, since boot.
  std::int64_t clock_correction_ms = 0;                    // EnclaveClock::last_correction().
  std::uint64_t attestation_failures = 0;
  std::uint64_t recipient_pool = 0;  // Keys ready for a call.
  std::uint64_t workload_restarts = 0;
};

// The body of POST /v1/gauges (docs/protocol.md).
std::string to_json(const Gauges& gauges);

}  // namespace cofferdam::agent
