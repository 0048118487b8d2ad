// SPDX-License-Identifier: Apache-2.0
#include "agent/peer_link.h"

#include <utility>

#include "agent/reason.h"
#include "base/log.h"
#include "base/text.h"

namespace cofferdam::agent {
namespace {

constexpr std::chrono::seconds kPeerTime{30};

net::HttpClientOptions route_to(const Config& config, const PeerSpec& spec) {
  net::HttpClientOptions out;
  out.endpoint = config.egress;
  out.tunnel = spec.address.host + ":" + std::to_string(spec.address.port);
  out.host = *out.tunnel;
  out.request_timeout = kPeerTime;
  return out;
}

}  // namespace

PeerLink::PeerLink(std::string name, std::unique_ptr<channel::Client> client,
                   boost::asio::any_io_executor executor)
    : name_(std::move(name)),
      client_(std::move(client)),
      server_(std::move(executor), {},
              [this](net::HttpRequest request) { return pass(std::move(request)); }) {}

Result<std::unique_ptr<PeerLink>> PeerLink::create(Parts parts, const PeerSpec& spec,
                                                   boost::asio::any_io_executor executor) {
  channel::Client::Options options;
  options.server = peer_policy(spec.expected);
  options.credentials.enclave = &parts.identity;
  options.credentials.manifest = parts.enclave.signed_manifest();
  options.route = route_to(parts.enclave.config(), spec);
  COFFERDAM_TRY(auto client,
                channel::Client::create({parts.verifier, parts.clock}, std::move(options)));
  return std::unique_ptr<PeerLink>(new PeerLink(spec.name, std::move(client), std::move(executor)));
}

Task<net::HttpResponse> PeerLink::pass(net::HttpRequest request) {
  strip_hop_headers(request.headers);
  // The peer's name is ours to say, whatever the workload calls its listener.
  std::erase_if(request.headers,
                [](const auto& header) { return equal_ignoring_case(header.first, "Host"); });
  auto response = co_await client_->send(std::move(request), kPeerTime);
  if (response) {
    strip_hop_headers(response->headers);
    co_return response;
  }
  const Error& error = response.error();
  log::warning("peer " + name_ + ": " + error.detail);
  const unsigned status = error.code == Errc::deadline_exceeded ? 504 : 502;
  co_return net::error_response(
      status, error.reason.empty() ? reason::kPeerUnreachable : error.reason, error.detail);
}

}  // namespace cofferdam::agent
