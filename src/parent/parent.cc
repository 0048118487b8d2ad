// SPDX-License-Identifier: Apache-2.0
#include "parent/parent.h"

namespace cofferdam::parent {
namespace {

net::HttpServerOptions control_options() {
  net::HttpServerOptions options;
  options.limits.max_body_size = std::size_t{64} * 1024;
  options.max_connections = 1024;
  return options;
}

}  // namespace

Parent::Parent(boost::asio::any_io_executor executor, AllowList allowed,
               EgressOptions egress_options, ControlService service)
    : service_(std::move(service)),
      egress_(executor, std::move(allowed), egress_options),
      control_(executor, control_options(),
               [this](net::HttpRequest request) { return handle(std::move(request)); }) {
  service_.set_status_source([this] { return egress_status(); });
}

Task<net::HttpResponse> Parent::handle(net::HttpRequest request) {
  co_return service_.handle(request);
}

json::object Parent::egress_status() const {
  const EgressCounts& counts = egress_.counts();
  return {{"egress",
           {{"open", egress_.open_connections()},
            {"accepted", counts.accepted},
            {"denied", counts.denied},
            {"failed", counts.failed},
            {"bytesOut", counts.bytes.from_a},
            {"bytesIn", counts.bytes.from_b}}}};
}

Task<void> Parent::drain(std::chrono::milliseconds grace) {
  COFFERDAM_CO_CHECK(co_await egress_.drain(grace));
  co_return co_await control_.drain(grace);
}

}  // namespace cofferdam::parent
