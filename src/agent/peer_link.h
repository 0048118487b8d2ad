// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "agent/channel_identity.h"
#include "channel/client.h"
#include "net/http_server.h"

namespace cofferdam::agent {

// One [[peer]] of the measured configuration: the workload speaks plain HTTP to a listener
// inside the enclave, and it reaches another enclave that was verified, and that verified
// this one, over attested TLS through the parent's egress (docs/channel.md).
//
// Each request gets an id, the workload's own where it brings X-Cofferdam-Request-Id, and a
// deadline. The peer's answers are passed on as they are; when there is none the workload
// gets 502 or 504 with the reason.
//
// For one thread. Borrows everything in Parts and the specification.
class PeerLink {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    channel::Identity& identity;  // Of this enclave as a client.
    const attest::Verifier& verifier;
    const Clock& clock;
  };
  static Result<std::unique_ptr<PeerLink>> create(Parts parts, const PeerSpec& spec,
                                                  boost::asio::any_io_executor executor);

  // Where the specification says, or below the workload's root.
  Result<net::Endpoint> listen(const net::Endpoint& place) { return server_.listen(place); }
  Task<void> drain(std::chrono::milliseconds grace) { return server_.drain(grace); }

 private:
  PeerLink(std::string name, std::unique_ptr<channel::Client> client,
           boost::asio::any_io_executor executor);

  Task<net::HttpResponse> pass(net::HttpRequest request);

  std::string name_;
  std::unique_ptr<channel::Client> client_;
  net::HttpServer server_;
};

}  // namespace cofferdam::agent
