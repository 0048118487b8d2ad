// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>

#include "agent/channel_identity.h"
#include "agent/parent.h"
#include "agent/secret_service.h"
#include "channel/server.h"
#include "net/http_client.h"

namespace cofferdam::agent {

// [channel] of the measured configuration: requests from outside reach the workload only
// over attested TLS, from a declared client, once, before their deadline, and each is a
// decision in the ledger (src/channel, docs/channel.md).
//
// The workload gets them as plain HTTP at `forward`, with the headers X-Cofferdam-Client,
// X-Cofferdam-Request-Id and X-Cofferdam-Deadline, which nobody outside can set.
//
// For one thread. Borrows everything in Parts.
class Ingress final : public channel::Backend {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SelfAttestor& attestor;
    const attest::Verifier& verifier;
    SecretService& secrets;
    Parent& parent;
    const Clock& clock;
    ledger::DecisionLog& console;
  };
  // For a configuration that has the section. Errc::invalid_input, reason `config_invalid`,
  // for a client's certificate that cannot be read.
  static Result<std::unique_ptr<Ingress>> create(Parts parts,
                                                 boost::asio::any_io_executor executor);

  Result<net::Endpoint> listen();
  Task<void> drain(std::chrono::milliseconds grace) { return server_->drain(grace); }

  Task<Secret> mac_key(std::string client) override;
  Task<void> record(ledger::Decision decision) override;
  Task<net::HttpResponse> forward(channel::AdmittedRequest admitted) override;

 private:
  explicit Ingress(Parts parts);

  const ChannelSpec& spec() const noexcept { return *parts_.enclave.config().channel; }

  Parts parts_;
  ChannelAttester attester_;
  net::HttpClient workload_;
  std::map<std::string, Secret, std::less<>> mac_keys_;
  std::unique_ptr<channel::Identity> identity_;
  std::unique_ptr<channel::Server> server_;
};

}  // namespace cofferdam::agent
