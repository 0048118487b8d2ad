// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "agent/peer_identity.h"
#include "net/http_server.h"

namespace cofferdam::agent {

// Answers one request of `caller`.
using LocalHandler = std::function<Task<net::HttpResponse>(net::HttpRequest, Caller caller)>;

// One interface for processes of this enclave: an HTTP server whose handler knows who asks.
// The process is found out once for each connection, when it begins.
//
// What the handler uses must live until drain() has returned. For one thread.
class LocalServer {
 public:
  // Without `identifier` nobody is identified. It is borrowed.
  LocalServer(const boost::asio::any_io_executor& executor, PeerIdentifier* identifier,
              std::size_t max_body_size, LocalHandler handler);

  Result<net::Endpoint> listen(const net::Endpoint& endpoint) { return server_.listen(endpoint); }
  Task<void> drain(std::chrono::milliseconds grace) { return server_.drain(grace); }

 private:
  net::HttpServer server_;
};

// Fails for a request that a program of this enclave would not send to a loopback interface
// on its own: forwarded (X-Forwarded-For, Forwarded, Via) or for another host than the
// loopback's, as after a name was bound to it behind the program's back. Errc::denied.
Status check_loopback_request(const net::HttpRequest& request);

// Compares a bearer token in constant time.
bool is_token(std::string_view given, std::string_view expected);

}  // namespace cofferdam::agent
