// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "attest/verifier.h"
#include "base/secret.h"
#include "base/time.h"
#include "channel/identity.h"
#include "channel/verify.h"
#include "net/http_client.h"
#include "net/tls_peer.h"

namespace cofferdam::channel {

// How a client shows who it is: nothing, or one of the three.
struct Credentials {
  std::string name;  // As the enclave has declared this client; needed with a MAC key.
  std::optional<Secret> mac_key;
  std::optional<net::TlsIdentity> certificate;
  Identity* enclave = nullptr;  // This client is an enclave; outlives the client.
  Bytes manifest;               // Of that enclave.
};

// A connection to an enclave that was believed, and what was seen.
struct Verified {
  VerifiedPeer peer;
  bool challenged = false;  // False: by its certificate alone.
};

// Sends requests to one enclave, over connections that each verified it.
//
// Before the first request of a connection: the certificate is judged within the TLS
// handshake, then the enclave answers a challenge for this very connection, then this side
// attests where it is an enclave. Errors carry a code of channel/reason.h or
// attest/reason.h, and those of net::HttpClient.
//
// For one thread and one event loop. Borrows what is in Parts; outlives its tasks.
class Client {
 public:
  struct Parts {
    const attest::Verifier& verifier;
    const Clock& clock;
  };
  struct Options {
    PeerPolicy server;
    bool challenge = true;  // Off only to see what a certificate alone says.
    Credentials credentials;
    net::HttpClientOptions route;  // How to get there; its TLS fields are not used.
  };
  // Errc::invalid_input if the policy pins nothing, or the credentials do not fit.
  static Result<std::unique_ptr<Client>> create(Parts parts, Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Connects and verifies, without a request: see last_verified().
  Task<void> verify();

  // Gives the request an id, unless it has one, and a deadline `time` from now.
  Task<net::HttpResponse> send(net::HttpRequest request, std::chrono::milliseconds time);

  // Of the connection that was opened last.
  const std::optional<Verified>& last_verified() const noexcept;

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::channel
