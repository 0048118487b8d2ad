// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "agent/credentials_endpoint.h"
#include "agent/gate.h"
#include "agent/local_kms.h"
#include "agent/local_server.h"
#include "agent/process_spec.h"
#include "agent/secret_files.h"
#include "agent/secrets_agent.h"
#include "agent/workload_api.h"
#include "agent/workload_root.h"

namespace cofferdam::agent {

// Where the tokens of two interfaces are, in the workload's root and its user's alone. The
// first is where the AWS Secrets Manager Agent's own installation puts it.
inline constexpr std::string_view kSecretsTokenPath = "/run/awssmatoken";
inline constexpr std::string_view kCredentialsTokenPath = "/run/aws-credentials-token";

// Everything the measured configuration offers to the processes of this enclave: the Unix
// socket always, the loopback interfaces of [serve], the files of [[file]].
//
// open() before the workload starts, drain() after it has ended. For one thread. Borrows
// everything in Parts but the root.
class LocalInterfaces {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    SealingService& sealing;
    Gate& gate;
    CredentialSource& credentials;
    const EnclaveClock& clock;
    std::function<void()> alive;  // The workload has said that it works.
  };
  LocalInterfaces(Parts parts, WorkloadRoot root, const ProcessSpec& workload);
  LocalInterfaces(const LocalInterfaces&) = delete;
  LocalInterfaces& operator=(const LocalInterfaces&) = delete;

  // Opens the interfaces and then writes the files. Nothing is open where it fails, but for
  // connections that have begun.
  Task<void> open();
  Task<void> drain(std::chrono::milliseconds grace);

  SecretFiles& files() noexcept { return files_; }

 private:
  Status open_socket(const boost::asio::any_io_executor& executor);
  Status open_kms(const boost::asio::any_io_executor& executor);
  Status open_secrets_agent(const boost::asio::any_io_executor& executor);
  Status open_credentials(const boost::asio::any_io_executor& executor);
  Status listen(const boost::asio::any_io_executor& executor, const net::Endpoint& endpoint,
                std::size_t max_body_size, LocalHandler handler);
  Result<std::string> make_token(std::string_view path);

  Parts parts_;
  WorkloadRoot root_;
  ProcessSpec workload_;
  PeerIdentifier identifier_;
  WorkloadApi api_;
  SecretFiles files_;
  std::optional<LocalKms> kms_;
  std::optional<SecretsAgent> secrets_agent_;
  std::optional<CredentialsEndpoint> credentials_;
  std::list<LocalServer> servers_;
};

// The variables by which programs find these interfaces, added to what the image sets and
// never in place of it (docs/agent.md).
std::vector<std::string> add_interface_variables(std::vector<std::string> env,
                                                 const Config& config);

}  // namespace cofferdam::agent
