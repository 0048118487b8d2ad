// SPDX-License-Identifier: Apache-2.0
#include "agent/enclave.h"

#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "agent/boot.h"
#include "agent/heartbeat.h"
#include "agent/output_tail.h"
#include "agent/reason.h"
#include "agent/start_process.h"
#include "base/log.h"
#include "net/deadline.h"
#include "net/http_server.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::seconds kLastWords{3};
constexpr std::chrono::seconds kGaugesEvery{15};

}  // namespace

Enclave::Enclave(Parts parts, ValidatedEnclave enclave, net::HttpClientOptions kms)
    : parts_(parts),
      enclave_(std::move(enclave)),
      channel_(kms),
      kms_(channel_, parts.clock, {enclave_.config().region, kms.host}),
      secrets_({enclave_, parts.attestor, parts.recipients, parts.parent, kms_, parts.clock,
                parts.console}),
      api_(enclave_, secrets_, parts.clock) {
  api_.on_watchdog([this] {
    if (supervisor_) supervisor_->alive();
  });
}

Task<int> Enclave::serve(ProcessSpec workload) {
  const auto end = co_await serve_until_the_end(std::move(workload));
  ExitReport report =
      end ? ExitReport::of(*end)
          : ExitReport::of(announced_ ? ExitCause::not_started : ExitCause::refused, end.error());
  report.last_lines = std::exchange(last_lines_, {});
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
  net::HttpServer server(co_await asio::this_coro::executor, options, std::move(handler));
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
  SupervisorOptions options = SupervisorOptions::of(enclave_.config().workload);
  const std::uint32_t lines = enclave_.config().workload.report_lines;
  if (lines == 0) co_return co_await run_workload(std::move(workload), options);
  COFFERDAM_CO_TRY(OutputTail tail,
                   OutputTail::create(co_await asio::this_coro::executor, STDOUT_FILENO, lines));
  options.output = tail.writing_end();
  auto end = co_await run_workload(std::move(workload), options);
  last_lines_ = tail.last_lines();
  co_return end;
}

Task<WorkloadEnd> Enclave::run_workload(ProcessSpec workload, SupervisorOptions options) {
  using namespace asio::experimental::awaitable_operators;
  supervisor_.emplace(std::move(workload), options);
  auto first = co_await (supervisor_->run() || tell_gauges());
  co_return std::get<0>(std::move(first));
}

Task<void> Enclave::tell_gauges() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (true) {
    const Status told = co_await parts_.parent.report_gauges(enclave_, gauges());
    if (!told) log::debug("the parent took no gauges: " + told.error().detail);
    timer.expires_after(kGaugesEvery);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

Gauges Enclave::gauges() const {
  const SecretService::Figures& figures = secrets_.figures();
  Gauges out;
  for (const auto& [name, fetched] : figures.fetched) {
    const auto age = parts_.clock.now() - fetched;
    out.secret_age_seconds[name] = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  }
  out.denials.insert(figures.denials.begin(), figures.denials.end());
  out.clock_correction_ms = parts_.clock.last_correction().count();
  out.attestation_failures = parts_.attestor.failures();
  out.recipient_pool = parts_.recipients.ready();
  out.workload_restarts = supervisor_ ? supervisor_->restarts() : 0;
  return out;
}

}  // namespace cofferdam::agent
