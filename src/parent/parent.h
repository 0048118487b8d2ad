// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "net/endpoint.h"
#include "net/http_server.h"
#include "parent/allow_list.h"
#include "parent/control.h"
#include "parent/egress.h"
#include "parent/ingress.h"
#include "parent/ledger_forward.h"
#include "parent/metrics.h"
#include "parent/peers.h"

// The helper outside the enclave: a way out to allow-listed destinations, doors into it, and
// a counter where opaque things are handed over. Everything it holds is untrusted by the
// agent, and it never sees a plaintext secret of a workload. It does hold AWS credentials,
// which are useless without the enclave as long as key policies demand attestation.
namespace cofferdam::parent {

// One parent process, for one enclave. Threads and lifetime as net::HttpServer.
class Parent {
 public:
  Parent(boost::asio::any_io_executor executor, AllowList allowed, EgressOptions egress_options,
         ControlService service);
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;

  // Whom the control and the egress endpoint serve. By default everybody.
  void set_peers(AllowedPeers peers) { peers_ = std::move(peers); }

  Result<net::Endpoint> listen_control(const net::Endpoint& endpoint) {
    return control_.listen(endpoint);
  }
  Result<net::Endpoint> listen_egress(const net::Endpoint& endpoint) {
    return egress_.server().listen(endpoint);
  }
  net::Endpoint listen_control(net::Listener listener) {
    return control_.listen(std::move(listener));
  }
  net::Endpoint listen_egress(net::Listener listener) {
    return egress_.server().listen(std::move(listener));
  }
  // Passes the stored ledger on from now on. Once.
  void forward_ledger(ForwardOptions options);
  // GET /metrics, /healthz and /readyz. For operators, not for the enclave.
  net::Endpoint listen_metrics(net::Listener listener) {
    return metrics_.listen(std::move(listener));
  }
  net::Endpoint open_door(IngressRule rule, IngressOptions options, net::Listener listener);

  // Takes over what can change while connections stand.
  void reload(AllowList allowed, Handouts handouts, AllowedPeers peers);
  void note_failed_reload() noexcept { ++failed_reloads_; }

  // Takes no more connections, lets those under way end, and cuts them off after `grace`.
  // Metrics are served to the end.
  Task<void> drain(std::chrono::milliseconds grace);

  MetricsSnapshot snapshot() const;

 private:
  bool admit(net::Stream& stream);
  net::HttpServerOptions control_options();
  Task<net::HttpResponse> answer_operator(net::HttpRequest request);
  json::object egress_status() const;

  boost::asio::any_io_executor executor_;
  AllowedPeers peers_;
  std::uint64_t refused_peers_ = 0;
  std::uint64_t reloads_ = 0;
  std::uint64_t failed_reloads_ = 0;
  bool draining_ = false;
  ControlService service_;
  EgressProxy egress_;
  std::vector<std::unique_ptr<Ingress>> doors_;
  net::HttpServer control_;
  net::HttpServer metrics_;
  std::optional<LedgerForward> forward_;
};

}  // namespace cofferdam::parent
