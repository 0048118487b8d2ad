// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>

#include "net/endpoint.h"
#include "net/http_server.h"
#include "parent/allow_list.h"
#include "parent/control.h"
#include "parent/egress.h"

// The helper outside the enclave: a way out to allow-listed destinations, and a counter
// where opaque things are handed over. Everything it holds is untrusted by the agent, and
// it never sees a plaintext secret of a workload. It does hold AWS credentials, which are
// useless without the enclave as long as key policies demand attestation.
namespace cofferdam::parent {

// One parent process. Threads and lifetime as net::HttpServer.
class Parent {
 public:
  Parent(boost::asio::any_io_executor executor, AllowList allowed, EgressOptions egress_options,
         ControlService service);
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;

  Result<net::Endpoint> listen_control(const net::Endpoint& endpoint) {
    return control_.listen(endpoint);
  }
  Result<net::Endpoint> listen_egress(const net::Endpoint& endpoint) {
    return egress_.listen(endpoint);
  }

  // Takes no more connections, lets those under way end, and cuts them off after `grace`.
  Task<void> drain(std::chrono::milliseconds grace);

 private:
  Task<net::HttpResponse> handle(net::HttpRequest request);
  json::object egress_status() const;

  ControlService service_;
  EgressProxy egress_;
  net::HttpServer control_;
};

}  // namespace cofferdam::parent
