// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "agent/evidence.h"
#include "net/task.h"

namespace cofferdam::agent {

// Tells nitro-cli that the enclave runs: connects to `[parent] heartbeat`, sends the byte
// 0xB7 and expects it back, as the init of AWS does. `nitro-cli run-enclave` succeeds when it
// has seen this, so it takes the proof of a validated enclave: a launch that succeeded is
// one that validated itself. Does nothing where no heartbeat is configured.
//
// Reason `heartbeat_failed`, also after `limit`: nitro-cli ends an enclave it has not heard
// of anyway.
inline constexpr std::chrono::seconds kHeartbeatLimit{10};
Task<void> send_heartbeat(const ValidatedEnclave& enclave,
                          std::chrono::milliseconds limit = kHeartbeatLimit);

}  // namespace cofferdam::agent
