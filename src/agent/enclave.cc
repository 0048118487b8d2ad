// SPDX-License-Identifier: Apache-2.0
#include "agent/enclave.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "agent/boot.h"
#include "agent/heartbeat.h"
#include "agent/reason.h"
#include "agent/start_process.h"
#include "base/log.h"
#include "net/deadline.h"
#include "net/http_server.h"

namespace cofferdam::agent {
namespace {

constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::seconds kLastWords{3};

}  // namespace

Enclave::Enclave(Parts parts, ValidatedEnclave enclave, net::HttpClientOptions kms)
    : parts_(parts),
      enclave_(std::move(enclave)),
      channel_(kms),
      kms_(channel_, parts.clock, {enclave_.config().region, kms.host}),
      secrets_({enclave_, parts.attestor, parts.recipients, parts.parent, kms_, parts.clock,
                parts.console}),
      api_(enclave_, secrets_, parts.clock) {}

Task<int> Enclave::serve(ProcessSpec workload) {
  const auto end = co_await serve_until_the_end(std::move(workload));
  const ExitReport report =
      end ? ExitReport::of(*end)
          : ExitReport::of(announced_ ? ExitCause::not_started : ExitCause::refused, end.error());
  auto telling = parts_.parent.report_exit(enclave_, report);
  const Status told = co_await with_deadline(kLastWords, std::move(telling));
  if (!told) log::warning("the parent does not know how this ended: " + told.error().detail);
  if (!end && !announced_) co_return std::unexpected(end.error());
  if (!end) log::error(report.reason + ": " + report.detail);
  co_return report.status;
}

Task<void> Enclave::announce() {
  const ledger::Decision decision =
      self_validation_decision(&enclave_.evidence(), parts_.clock.now(), Status());
  COFFERDAM_CO_CHECK(parts_.console.record(decision));
  COFFERDAM_CO_CHECK(co_await parts_.parent.record(enclave_, decision));
  COFFERDAM_CO_CHECK(co_await parts_.parent.heartbeat(enclave_));
  co_return co_await send_heartbeat(enclave_);
}

Task<WorkloadEnd> Enclave::serve_until_the_end(ProcessSpec workload) {
  COFFERDAM_CO_CHECK(co_await announce());
  announced_ = true;
  COFFERDAM_CO_TRY(const WorkloadRoot root, WorkloadRoot::prepare(workload.root));
  COFFERDAM_CO_CHECK(root.apply(workload));
  COFFERDAM_CO_TRY(const std::string place, root.place_for(enclave_.config().workload_socket));
  net::HttpHandler handler = [this](net::HttpRequest request) {
    return api_.handle(std::move(request));
  };
  net::HttpServerOptions options;
  options.limits.max_body_size = std::size_t{64} * 1024;
  net::HttpServer server(co_await boost::asio::this_coro::executor, options, std::move(handler));
  const net::Endpoint socket = net::UnixAddress{place};
  COFFERDAM_CO_TRY(const net::Endpoint ready, server.listen(socket));
  COFFERDAM_CO_CHECK(WorkloadRoot::hand_over(place, workload));
  log::info("release " + std::to_string(enclave_.manifest().release) + " of " +
            enclave_.config().name + " is validated; serving on " + net::to_string(ready));
  auto end = co_await supervise(std::move(workload));
  const Status drained = co_await server.drain(kDrainTime);
  if (!drained) log::warning("some answers were cut off: " + drained.error().detail);
  co_return end;
}

Task<WorkloadEnd> Enclave::supervise(ProcessSpec workload) {
  workload.env = complete_environment(std::move(workload.env), enclave_.config().workload_socket);
  Supervisor supervisor(std::move(workload));
  co_return co_await supervisor.run();
}

}  // namespace cofferdam::agent
