// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/verifier.h"
#include "base/secret.h"
#include "base/time.h"
#include "channel/admission.h"
#include "channel/identity.h"
#include "channel/verify.h"
#include "ledger/decision.h"
#include "net/http_server.h"

namespace cofferdam::channel {

// Who may send requests, by one of three proofs.
struct DeclaredClient {
  std::string name;
  bool by_mac = false;                     // The key comes from Backend::mac_key().
  std::optional<Bytes> spki = {};          // Of the TLS certificate it shows.
  std::optional<PeerPolicy> enclave = {};  // It attests as we do.
};

// A request that passed, without our headers.
struct AdmittedRequest {
  net::HttpRequest request;
  std::string id;
  std::string client;
  Timestamp deadline;
};

// What a server leans on. Outlives it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Task<Secret> mac_key(std::string client) = 0;
  // A decision that cannot be recorded is not carried out.
  virtual Task<void> record(ledger::Decision decision) = 0;
  // Has until the request's deadline.
  virtual Task<net::HttpResponse> forward(AdmittedRequest admitted) = 0;
};

struct ServerOptions {
  std::vector<DeclaredClient> clients;
  std::chrono::milliseconds max_deadline{60'000};
  Bytes manifest;               // Of this enclave, for those who ask which release it is.
  bool proxy_protocol = false;  // Each connection begins with a PROXY protocol header.
  std::size_t max_connections = 1024;
};

// The enclave's end of attested channels: TLS 1.3 under an attested key, the answer to
// challenges, and requests that are admitted only when it is known who sent them.
//
// Each admitted request, and each refused one that says an id, is one decision: operation
// "request", its id, the client as principal. On a connection that failed to authenticate
// once, later failures are refused and not recorded, so that strangers cannot fill a ledger.
//
// Threads and lifetime as net::HttpServer. Borrows everything in Parts.
class Server {
 public:
  struct Parts {
    Identity& identity;
    const attest::Verifier& verifier;  // Of clients that are enclaves.
    const Clock& clock;
    Backend& backend;
  };
  Server(boost::asio::any_io_executor executor, Parts parts, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  Result<net::Endpoint> listen(const net::Endpoint& endpoint);
  Task<void> drain(std::chrono::milliseconds grace);

 private:
  struct State;
  std::shared_ptr<State> state_;
  net::HttpServer http_;
};

}  // namespace cofferdam::channel
