// SPDX-License-Identifier: Apache-2.0
#include "parent/control.h"

#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "base/log.h"
#include "parent/exit_report.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxManifestSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxOfferSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxPostSize = std::size_t{64} * 1024;
constexpr std::string_view kOfferPrefix = "/v1/ciphertexts/";
constexpr std::string_view kStatePrefix = "/v1/state/";

std::unexpected<Error> not_configured(std::string_view flag) {
  return fail(Errc::not_found, "the parent was not given " + std::string(flag));
}

std::unexpected<Error> no_such_route() {
  return fail(Errc::not_found, "no such resource on the control endpoint");
}

net::HttpResponse no_content() {
  net::HttpResponse response;
  response.status = 204;
  return response;
}

net::HttpResponse answer_to(const Error& error) {
  if (error.reason == "body_too_large") {
    return net::error_response(413, error.reason, error.detail);
  }
  return net::error_response(error);
}

}  // namespace

ControlService::ControlService(const Clock& clock)
    : clock_(&clock), disk_(std::make_unique<DiskWorker>()) {}
ControlService::ControlService(ControlService&&) noexcept = default;
ControlService& ControlService::operator=(ControlService&&) noexcept = default;
ControlService::~ControlService() = default;

Result<ControlService> ControlService::open(ControlOptions options, const Clock& clock) {
  ControlService out(clock);
  if (options.ledger) {
    COFFERDAM_TRY(auto log, AppendLog::open(*options.ledger, *out.disk_));
    out.ledger_ = std::make_unique<LedgerStore>(std::move(log));
  }
  if (options.state_folder) {
    COFFERDAM_TRY(auto states, StateStore::open(*options.state_folder));
    out.states_ = std::make_unique<StateStore>(std::move(states));
  }
  out.credentials_ = std::move(options.credentials);
  out.handouts_ = std::move(options);
  return out;
}

LedgerCounts ControlService::ledger_counts() const {
  return ledger_ ? ledger_->counts() : LedgerCounts();
}

std::optional<std::chrono::milliseconds> ControlService::heartbeat_age() const {
  if (!counts_.last_heartbeat) return std::nullopt;
  return clock_->now() - *counts_.last_heartbeat;
}

Task<net::HttpResponse> ControlService::handle(net::HttpRequest request) {
  Result<net::HttpResponse> response = no_such_route();
  if (request.method == "GET") {
    response = co_await get(std::move(request.target));
  } else if (request.method == "POST") {
    response = co_await post(std::move(request.target), std::move(request.body));
  } else if (request.method == "PUT") {
    response = co_await put(std::move(request.target), std::move(request.body));
  } else {
    co_return net::error_response(405, "method_not_allowed", "expected GET, POST or PUT");
  }
  if (response) co_return response;
  log::warning("control: " + response.error().detail);
  co_return answer_to(response.error());
}

Task<net::HttpResponse> ControlService::get(std::string target) {
  if (target == "/v1/release-manifest") co_return release_manifest();
  if (target == "/v1/credentials") co_return co_await credentials();
  if (target == "/v1/status") co_return status();
  if (target.starts_with(kOfferPrefix)) co_return offer(target.substr(kOfferPrefix.size()));
  if (target.starts_with(kStatePrefix)) {
    co_return co_await state(target.substr(kStatePrefix.size()));
  }
  co_return no_such_route();
}

Task<net::HttpResponse> ControlService::post(std::string target, Bytes body) {
  if (body.size() > kMaxPostSize) {
    co_return fail(Errc::invalid_input, "body_too_large", "a POST may have 64 KiB here");
  }
  if (target == "/v1/heartbeat") co_return heartbeat();
  if (target == "/v1/ledger") co_return co_await record_ledger(std::move(body));
  if (target == "/v1/exit") co_return record_exit(body);
  if (target == "/v1/gauges") co_return record_gauges(body);
  co_return no_such_route();
}

Task<net::HttpResponse> ControlService::put(std::string target, Bytes body) {
  if (!target.starts_with(kStatePrefix)) co_return no_such_route();
  if (!states_) co_return not_configured("--state FOLDER");
  std::function<Status()> work = [states = states_.get(), blob = std::move(body),
                                  name = target.substr(kStatePrefix.size())] {
    return states->put(name, blob);
  };
  COFFERDAM_CO_CHECK(co_await disk_->run<void>(std::move(work)));
  co_return no_content();
}

Task<net::HttpResponse> ControlService::state(std::string name) {
  if (!states_) co_return not_configured("--state FOLDER");
  std::function<Result<Bytes>()> work = [states = states_.get(), wanted = std::move(name)] {
    return states->get(wanted);
  };
  COFFERDAM_CO_TRY(const Bytes blob, co_await disk_->run<Bytes>(std::move(work)));
  co_return net::text_response(200, "application/octet-stream", as_text(blob));
}

Result<net::HttpResponse> ControlService::release_manifest() const {
  if (!handouts_.release_manifest) return not_configured("--release-manifest FILE");
  COFFERDAM_TRY(const Bytes manifest, read_file(*handouts_.release_manifest, kMaxManifestSize));
  return net::text_response(200, "application/octet-stream", as_text(manifest));
}

Result<net::HttpResponse> ControlService::offer(std::string_view name) const {
  const auto found = handouts_.offers.find(std::string(name));
  if (found == handouts_.offers.end()) return not_configured("--offer for this secret");
  COFFERDAM_TRY(const std::string text, read_text_file(found->second, kMaxOfferSize));
  const auto value = parse_json(text, kMaxOfferSize);
  if (!value || !value->is_object() || !value->as_object().contains("ciphertext")) {
    return fail(Errc::unavailable,
                "expected a JSON object with \"ciphertext\" in " + found->second.string());
  }
  return net::json_response(200, text);
}

Task<net::HttpResponse> ControlService::credentials() {
  if (!credentials_) {
    co_return not_configured("--credentials FILE, nor found AWS credentials anywhere else");
  }
  auto json = co_await credentials_->read();
  if (!json) {
    ++counts_.credential_failures;
    co_return std::unexpected(std::move(json).error());
  }
  // The server wipes the body once it is sent.
  co_return net::json_response(200, as_text(json->reveal()));
}

Result<net::HttpResponse> ControlService::heartbeat() {
  if (!counts_.last_heartbeat) {
    log::info("control: first heartbeat, the enclave has validated itself");
  }
  counts_.last_heartbeat = clock_->now();
  ++counts_.heartbeats;
  return no_content();
}

Task<net::HttpResponse> ControlService::record_ledger(Bytes body) {
  if (!ledger_) co_return fail(Errc::unavailable, "the parent was not given --ledger FILE");
  COFFERDAM_CO_CHECK(co_await ledger_->append(std::string(as_text(body))));
  co_return no_content();
}

Result<net::HttpResponse> ControlService::record_exit(ByteView body) {
  COFFERDAM_TRY(json::object report, parse_exit_report(body));
  log::info("control: the enclave ended: " + json::serialize(report));
  report["time"] = format_rfc3339(clock_->now());
  last_exit_ = std::move(report);
  return no_content();
}

Result<net::HttpResponse> ControlService::record_gauges(ByteView body) {
  COFFERDAM_TRY(gauges_, parse_gauges(body));
  return no_content();
}

Result<net::HttpResponse> ControlService::status() const {
  json::object status = status_source_ ? status_source_() : json::object();
  status["heartbeats"] = counts_.heartbeats;
  if (counts_.last_heartbeat) {
    status["lastHeartbeat"] = format_rfc3339(*counts_.last_heartbeat);
  } else {
    status["lastHeartbeat"] = nullptr;
  }
  const LedgerCounts ledger = ledger_counts();
  status["ledger"] = {{"lines", ledger.lines}, {"gaps", ledger.gaps}, {"repeats", ledger.repeats}};
  status["exit"] = last_exit_;
  return net::json_response(200, json::serialize(status));
}

}  // namespace cofferdam::parent
