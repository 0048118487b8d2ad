// SPDX-License-Identifier: Apache-2.0
#include "agent/channels.h"

#include "agent/reason.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

std::unexpected<Error> not_opened(const std::string& section, const Error& error) {
  return fail(error.code, error.reason.empty() ? reason::kServiceFailed : error.reason,
              section + ": " + error.detail);
}

}  // namespace

Result<std::unique_ptr<Channels>> Channels::open(Parts parts, boost::asio::any_io_executor executor,
                                                 const WorkloadRoot& root,
                                                 const ProcessSpec& workload) {
  std::unique_ptr<Channels> out(new Channels(parts));
  const Config& config = parts.enclave.config();
  if (!config.peers.empty()) {
    const channel::Identity::Parts identity{out->attester_, parts.clock};
    COFFERDAM_TRY(out->identity_,
                  channel::Identity::create(identity, channel::Role::client, config.name));
  }
  for (const PeerSpec& spec : config.peers) {
    const Status opened = out->open_peer(spec, executor, root, workload);
    if (!opened) return not_opened("[[peer]] " + spec.name, opened.error());
  }
  if (config.channel) {
    const Status opened = out->open_ingress(executor);
    if (!opened) return not_opened("[channel]", opened.error());
  }
  return out;
}

Status Channels::open_ingress(boost::asio::any_io_executor executor) {
  COFFERDAM_TRY(ingress_, Ingress::create(parts_, std::move(executor)));
  COFFERDAM_TRY(const net::Endpoint ready, ingress_->listen());
  log::info("requests from outside are accepted on " + net::to_string(ready));
  return {};
}

Status Channels::open_peer(const PeerSpec& spec, boost::asio::any_io_executor executor,
                           const WorkloadRoot& root, const ProcessSpec& workload) {
  const PeerLink::Parts link_parts{parts_.enclave, *identity_, parts_.verifier, parts_.clock};
  COFFERDAM_TRY(auto link, PeerLink::create(link_parts, spec, std::move(executor)));
  net::Endpoint place = spec.listen;
  auto* const path = std::get_if<net::UnixAddress>(&place);
  if (path != nullptr) {
    COFFERDAM_TRY(path->path, root.place_for(path->path));
  }
  COFFERDAM_CHECK(link->listen(place));
  if (path != nullptr) COFFERDAM_CHECK(WorkloadRoot::hand_over(path->path, workload));
  links_.push_back(std::move(link));
  return {};
}

Task<void> Channels::drain(std::chrono::milliseconds grace) {
  Status out;
  if (ingress_ != nullptr) out = co_await ingress_->drain(grace);
  for (const auto& link : links_) {
    const Status drained = co_await link->drain(grace);
    if (!drained) out = drained;
  }
  co_return out;
}

}  // namespace cofferdam::agent
