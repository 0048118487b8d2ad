// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "agent/ingress.h"
#include "agent/peer_link.h"
#include "agent/process_spec.h"
#include "agent/workload_root.h"

namespace cofferdam::agent {

// The attested channels of one enclave, in and out: [channel] and each [[peer]] of its
// measured configuration. For one thread. Borrows everything in Parts.
class Channels {
 public:
  using Parts = Ingress::Parts;

  // Starts to listen. Unix sockets of peers are made below the workload's root and given to
  // its user. Errors are those of listening, with the section at fault.
  static Result<std::unique_ptr<Channels>> open(Parts parts, boost::asio::any_io_executor executor,
                                                const WorkloadRoot& root,
                                                const ProcessSpec& workload);

  // Stops accepting and waits for what is under way.
  Task<void> drain(std::chrono::milliseconds grace);

 private:
  explicit Channels(Parts parts) : parts_(parts), attester_(parts.attestor) {}

  Status open_ingress(boost::asio::any_io_executor executor);
  Status open_peer(const PeerSpec& spec, boost::asio::any_io_executor executor,
                   const WorkloadRoot& root, const ProcessSpec& workload);

  Parts parts_;
  ChannelAttester attester_;
  std::unique_ptr<channel::Identity> identity_;  // As a client of peers.
  std::vector<std::unique_ptr<PeerLink>> links_;
  std::unique_ptr<Ingress> ingress_;
};

}  // namespace cofferdam::agent
