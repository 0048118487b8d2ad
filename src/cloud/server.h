// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/json.h"
#include "base/time.h"
#include "cloud/cloud_service.h"
#include "cloud/reception.h"
#include "net/endpoint.h"
#include "net/task.h"

namespace cofferdam::cloud {

struct ServerOptions {
  net::TcpAddress listen{.host = "127.0.0.1", .port = 4566};
  std::optional<std::filesystem::path> data;      // Absent: a temporary folder.
  std::optional<std::filesystem::path> seed;      // TOML (seed.h).
  std::optional<std::filesystem::path> nsm_root;  // PEM. Absent: the emulated NSM's.
  std::optional<std::filesystem::path> oidc_ca;   // PEM. Absent: what the system trusts.
  CloudOptions cloud;
  OperationOptions operation;
};

// The whole local AWS: its folder, its state, its identities and its socket, on which TLS
// and plain HTTP share the port. Everything lives as long as this object; a temporary
// folder goes with it.
class CloudServer {
 public:
  // Opens or makes the folder and starts listening. `clock` must outlive the server, and
  // the executor must run on one thread. Errors name the file or the port and what to do.
  static Result<std::unique_ptr<CloudServer>> start(boost::asio::any_io_executor executor,
                                                    const Clock& clock, ServerOptions options);
  ~CloudServer();
  CloudServer(const CloudServer&) = delete;
  CloudServer& operator=(const CloudServer&) = delete;

  // What a client needs to know, in the shape of the ready line (docs/cloud.md).
  const json::object& ready() const noexcept;

  // Reads the fault file again. After an error the faults stay as they were.
  Status reload_faults();

  // Stops accepting and lets requests under way finish.
  Task<void> drain();

 private:
  struct Impl;
  explicit CloudServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Runs a server on this thread until SIGINT or SIGTERM. `when_ready` is called once it
// answers.
Status run_cloud(ServerOptions options, const Clock& clock,
                 const std::function<void(const json::object&)>& when_ready);

}  // namespace cofferdam::cloud
