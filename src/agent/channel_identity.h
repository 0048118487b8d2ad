// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.h"
#include "agent/evidence.h"
#include "agent/self_attestor.h"
#include "channel/identity.h"
#include "channel/verify.h"
#include "net/http.h"

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

// Leaves out what belongs to one connection and not to the message (RFC 9110 section 7.6.1),
// and Expect, which the agent has answered.
void strip_hop_headers(net::Headers& headers);

// What another enclave must be, as measured.
channel::PeerPolicy peer_policy(const MeasurementSpec& spec);

}  // namespace cofferdam::agent
