// SPDX-License-Identifier: Apache-2.0
#include "parent/parent.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/log.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxControlConnections = 1024;
constexpr std::size_t kMaxOperators = 64;

net::HttpServerOptions metrics_options() {
  net::HttpServerOptions options;
  options.limits.max_body_size = 0;
  options.max_connections = kMaxOperators;
  return options;
}

}  // namespace

Parent::Parent(boost::asio::any_io_executor executor, AllowList allowed,
               EgressOptions egress_options, ControlService service)
    : executor_(executor),
      service_(std::move(service)),
      egress_(executor, std::move(allowed), std::move(egress_options)),
      control_(executor, control_options(),
               [this](net::HttpRequest request) { return service_.handle(std::move(request)); }),
      metrics_(executor, metrics_options(),
               [this](net::HttpRequest request) { return answer_operator(std::move(request)); }) {
  egress_.server().admit([this](net::Stream& stream) { return admit(stream); });
  service_.set_status_source([this] { return egress_status(); });
}

net::HttpServerOptions Parent::control_options() {
  net::HttpServerOptions options;
  options.limits.max_body_size = ControlService::kMaxBody;
  options.max_connections = kMaxControlConnections;
  options.admit = [this](net::Stream& stream) { return admit(stream); };
  return options;
}

bool Parent::admit(net::Stream& stream) {
  if (peers_.admits(net::peer_identity(stream))) return true;
  ++refused_peers_;
  log::warning("refused a connection of " + stream.peer() + ": not an allowed peer");
  return false;
}

net::Endpoint Parent::open_door(IngressRule rule, IngressOptions options, net::Listener listener) {
  doors_.push_back(std::make_unique<Ingress>(executor_, std::move(rule), options));
  return doors_.back()->server().listen(std::move(listener));
}

void Parent::forward_ledger(ForwardOptions options) {
  forward_.emplace(std::move(options));
  boost::asio::co_spawn(executor_, forward_->run(), boost::asio::detached);
}

void Parent::reload(AllowList allowed, Handouts handouts, AllowedPeers peers) {
  egress_.set_allowed(std::move(allowed));
  service_.set_handouts(std::move(handouts));
  peers_ = std::move(peers);
  ++reloads_;
}

Task<net::HttpResponse> Parent::answer_operator(net::HttpRequest request) {
  if (request.method != "GET" && request.method != "HEAD") {
    co_return net::error_response(405, "method_not_allowed", "expected GET");
  }
  if (request.target == "/metrics") {
    co_return net::text_response(200, "text/plain; version=0.0.4", render_metrics(snapshot()));
  }
  if (request.target == "/healthz") co_return net::json_response(200, R"({"alive":true})");
  if (request.target == "/readyz") {
    co_return net::json_response(draining_ ? 503 : 200,
                                 draining_ ? R"({"ready":false})" : R"({"ready":true})");
  }
  co_return fail(Errc::not_found, "expected /metrics, /healthz or /readyz");
}

MetricsSnapshot Parent::snapshot() const {
  MetricsSnapshot out;
  out.destinations = egress_.per_destination();
  out.denials = egress_.denials();
  out.open_tunnels = egress_.open_connections();
  out.lookups = egress_.lookups();
  for (const auto& door : doors_) {
    out.doors.push_back({.listen = net::to_string(door->rule().listen),
                         .open = door->open_connections(),
                         .counts = door->counts()});
  }
  out.refused_peers = refused_peers_;
  out.heartbeats = service_.counts().heartbeats;
  if (const auto age = service_.heartbeat_age()) {
    out.seconds_since_heartbeat = std::chrono::duration_cast<std::chrono::seconds>(*age).count();
  }
  out.ledger = service_.ledger_counts();
  if (forward_) out.forward = forward_->counts();
  out.credential_failures = service_.counts().credential_failures;
  out.reloads = reloads_;
  out.failed_reloads = failed_reloads_;
  out.enclave = service_.gauges();
  return out;
}

json::object Parent::egress_status() const {
  const EgressCounts counts = egress_.counts();
  return {{"egress",
           {{"open", egress_.open_connections()},
            {"accepted", counts.accepted},
            {"denied", counts.denied},
            {"failed", counts.failed},
            {"bytesOut", counts.bytes.from_a},
            {"bytesIn", counts.bytes.from_b}}}};
}

Task<void> Parent::drain(std::chrono::milliseconds grace) {
  draining_ = true;
  const auto until = std::chrono::steady_clock::now() + grace;
  const auto left = [until] {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        until - std::chrono::steady_clock::now()));
  };
  for (const auto& door : doors_) door->server().stop();
  egress_.server().stop();
  for (const auto& door : doors_) COFFERDAM_CO_CHECK(co_await door->drain(left()));
  COFFERDAM_CO_CHECK(co_await egress_.drain(left()));
  COFFERDAM_CO_CHECK(co_await control_.drain(left()));
  co_return co_await metrics_.drain(left());
}

}  // namespace cofferdam::parent
