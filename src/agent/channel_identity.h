// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.h"
#include "agent/evidence.h"
#include "agent/self_attestor.h"
#include "channel/identity.h"
#include "channel/verify.h"

// What both ends of the agent's channels need: ingress.h and peer_link.h.
namespace cofferdam::agent {

// This enclave's documents for its channels. Borrows the attestor.
class ChannelAttester final : public channel::Attester {
 public:
  explicit ChannelAttester(SelfAttestor& attestor) : attestor_(attestor) {}

  Result<Bytes> attest(ByteView public_key, ByteView user_data,
                       const std::optional<Bytes>& nonce) override;

 private:
  SelfAttestor& attestor_;
};

// What another enclave must be, as measured.
channel::PeerPolicy peer_policy(const MeasurementSpec& spec);

}  // namespace cofferdam::agent
