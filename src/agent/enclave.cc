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

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kDrainTime{2};
constexpr std::chrono::seconds kLastWords{3};
constexpr std::chrono::seconds kGaugesEvery{15};

}  // namespace

Enclave::Enclave(Parts parts, ValidatedEnclave enclave, std::optional<policy::RegoPolicy> policy,
                 const Routes& routes)
    : parts_(parts),
      enclave_(std::move(enclave)),
      channel_(routes.kms),
      kms_(channel_, parts.clock, {enclave_.config().region, routes.kms.host}),
      lent_(parts.parent, enclave_),
      role_(enclave_.config().identity ? std::make_unique<Role>(parts, enclave_, routes) : nullptr),
      secrets_({enclave_, parts.attestor, parts.recipients, parts.parent, credentials(), kms_,
                parts.clock, parts.console}),
      sealing_({enclave_, secrets_, parts.parent}),
      gate_({enclave_, parts.parent, parts.clock, parts.console}, std::move(policy)) {}

Enclave::Role::Role(const Parts& parts, const ValidatedEnclave& enclave, const Routes& routes)
    : broker(routes.broker.value()),
      sts(routes.sts.value()),
      credentials(
          {enclave, parts.attestor, parts.parent, broker, sts, parts.clock, parts.console}) {}

CredentialSource& Enclave::credentials() {
  if (role_) return role_->credentials;
  return lent_;
}

Task<int> Enclave::serve(ProcessSpec workload) {
  const auto end = co_await serve_until_the_end(std::move(workload));
  if (role_) {
    const Status stopped = co_await role_->credentials.stop();
    if (!stopped) log::warning("the role's credentials: " + stopped.error().detail);
  }
  ExitReport report =
      end ? ExitReport::of(*end)
          : ExitReport::of(announced_ ? ExitCause::not_started : ExitCause::refused, end.error());
  report.last_lines = std::exchange(last_lines_, {});
  auto closing = parts_.parent.close_ledger(enclave_, std::string(cause_name(report.cause)));
  const Status closed = co_await with_deadline(kLastWords, std::move(closing));
  if (!closed) log::warning("the ledger stays open: " + closed.error().detail);
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
  COFFERDAM_CO_TRY(WorkloadRoot root, WorkloadRoot::prepare(workload.root));
  COFFERDAM_CO_CHECK(root.apply(workload));
  COFFERDAM_CO_CHECK(co_await open_channels(root, workload));
  LocalInterfaces::Parts parts{
      enclave_, secrets_, sealing_, gate_, credentials(), parts_.clock, [this] { report_alive(); }};
  interfaces_.emplace(std::move(parts), std::move(root), workload);
  COFFERDAM_CO_CHECK(co_await interfaces_->open());
  log::info("release " + std::to_string(enclave_.manifest().release) + " of " +
            enclave_.config().name + " is validated");
  auto end = co_await supervise(std::move(workload));
  const Status closed = co_await channels_->drain(kDrainTime);
  if (!closed) log::warning("some requests were cut off: " + closed.error().detail);
  const Status drained = co_await interfaces_->drain(kDrainTime);
  if (!drained) log::warning("some answers were cut off: " + drained.error().detail);
  co_return end;
}

// Those who call wait for it, with what they lend.
Task<void> Enclave::open_channels(const WorkloadRoot& root, const ProcessSpec& workload) {
  const Channels::Parts parts{enclave_,      parts_.attestor, parts_.verifier, secrets_,
                              parts_.parent, parts_.clock,    parts_.console};
  const auto executor = co_await boost::asio::this_coro::executor;
  COFFERDAM_CO_TRY(channels_, Channels::open(parts, executor, root, workload));
  co_return Status();
}

Task<WorkloadEnd> Enclave::supervise(ProcessSpec workload) {
  workload.env = add_interface_variables(std::move(workload.env), enclave_.config());
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
    timer.expires_after(kGaugesEvery);
    co_await timer.async_wait(asio::use_awaitable);
    const Status told = co_await parts_.parent.report_gauges(enclave_, gauges());
    if (!told) log::debug("the parent took no gauges: " + told.error().detail);
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

void Enclave::report_alive() {
  if (supervisor_) supervisor_->alive();
}

}  // namespace cofferdam::agent
