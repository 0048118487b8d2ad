// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/channels.h"
#include "agent/gate.h"
#include "agent/gauges.h"
#include "agent/kms_client.h"
#include "agent/local_interfaces.h"
#include "agent/parent.h"
#include "agent/process_spec.h"
#include "agent/recipient_pool.h"
#include "agent/role_credentials.h"
#include "agent/sealing_service.h"
#include "agent/secret_service.h"
#include "agent/supervisor.h"

namespace cofferdam::agent {

// The service of a validated enclave, from the heartbeat to the workload's end.
//
// For one thread. Borrows everything in Parts.
class Enclave {
 public:
  struct Parts {
    SelfAttestor& attestor;
    const attest::Verifier& verifier;
    RecipientPool& recipients;
    EnclaveClock& clock;
    Parent& parent;
    ledger::DecisionLog& console;
  };
  // How the services outside are reached. The last two are there where the configuration has
  // [identity].
  struct Routes {
    net::HttpClientOptions kms;
    std::optional<net::HttpClientOptions> broker;
    std::optional<net::HttpClientOptions> sts;
  };
  // `policy` is what compile_policy() made of the enclave's configuration.
  Enclave(Parts parts, ValidatedEnclave enclave, std::optional<policy::RegoPolicy> policy,
          const Routes& routes);
  Enclave(const Enclave&) = delete;
  Enclave& operator=(const Enclave&) = delete;

  // Ends with the workload, after telling the parent how, and returns the exit status of the
  // agent. Fails where the parent could not be told that this enclave exists.
  Task<int> serve(ProcessSpec workload);

 private:
  // A role of the enclave's own, and the ways to get it.
  struct Role {
    Role(const Parts& parts, const ValidatedEnclave& enclave, const Routes& routes);
    ClientChannel broker;
    ClientChannel sts;
    RoleCredentials credentials;
  };

  CredentialSource& credentials();
  Task<void> announce();
  Task<WorkloadEnd> serve_until_the_end(ProcessSpec workload);
  Task<void> open_channels(const WorkloadRoot& root, const ProcessSpec& workload);
  Task<WorkloadEnd> supervise(ProcessSpec workload);
  void report_alive();
  Task<WorkloadEnd> run_workload(ProcessSpec workload, SupervisorOptions options);
  // Until it is cancelled.
  Task<void> tell_gauges();
  Gauges gauges() const;

  Parts parts_;
  ValidatedEnclave enclave_;
  ClientChannel channel_;
  KmsClient kms_;
  ParentCredentials lent_;
  std::unique_ptr<Role> role_;
  SecretService secrets_;
  SealingService sealing_;
  Gate gate_;
  std::unique_ptr<Channels> channels_;
  std::optional<LocalInterfaces> interfaces_;
  std::optional<Supervisor> supervisor_;  // While there is a workload.
  std::vector<std::string> last_lines_;   // Of its output, where they are to be told.
  bool announced_ = false;
};

}  // namespace cofferdam::agent
