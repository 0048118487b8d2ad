// SPDX-License-Identifier: Apache-2.0
#include "parent/control.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "parent/exit_report.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxManifestSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxOfferSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxDecisionSize = std::size_t{64} * 1024;
constexpr std::string_view kOfferPrefix = "/v1/ciphertexts/";

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

Status append(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Errc::unavailable, "decision log: " + errno_text(errno));
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fdatasync(fd) != 0 && errno != EINVAL) {  // EINVAL: a pipe or a terminal.
    return fail(Errc::unavailable, "decision log: " + errno_text(errno));
  }
  return {};
}

}  // namespace

Result<ControlService> ControlService::open(ControlOptions options, const Clock& clock) {
  UniqueFd log;
  if (options.decision_log) {
    log = UniqueFd(
        ::open(options.decision_log->c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (!log.valid()) {
      return fail(Errc::unavailable,
                  "cannot open " + options.decision_log->string() + ": " + errno_text(errno));
    }
  }
  return ControlService(std::move(options), clock, std::move(log));
}

net::HttpResponse ControlService::handle(const net::HttpRequest& request) {
  Result<net::HttpResponse> response = no_such_route();
  if (request.method == "GET") {
    response = get(request.target);
  } else if (request.method == "POST") {
    response = post(request.target, request.body);
  } else {
    return net::error_response(405, "method_not_allowed", "expected GET or POST");
  }
  if (response) return *std::move(response);
  log::warning("control: " + response.error().detail);
  return net::error_response(response.error());
}

Result<net::HttpResponse> ControlService::get(std::string_view target) {
  if (target == "/v1/release-manifest") return release_manifest();
  if (target == "/v1/credentials") return credentials();
  if (target == "/v1/status") return status();
  if (target.starts_with(kOfferPrefix)) return offer(target.substr(kOfferPrefix.size()));
  return no_such_route();
}

Result<net::HttpResponse> ControlService::post(std::string_view target, ByteView body) {
  if (target == "/v1/heartbeat") return heartbeat();
  if (target == "/v1/decisions") return record_decision(body);
  if (target == "/v1/exit") return record_exit(body);
  return no_such_route();
}

Result<net::HttpResponse> ControlService::release_manifest() const {
  if (!options_.release_manifest) return not_configured("--release-manifest FILE");
  COFFERDAM_TRY(const Bytes manifest, read_file(*options_.release_manifest, kMaxManifestSize));
  return net::text_response(200, "application/octet-stream", as_text(manifest));
}

Result<net::HttpResponse> ControlService::offer(std::string_view name) const {
  const auto found = options_.offers.find(std::string(name));
  if (found == options_.offers.end()) return not_configured("--offer for this secret");
  COFFERDAM_TRY(const std::string text, read_text_file(found->second, kMaxOfferSize));
  const auto value = parse_json(text, kMaxOfferSize);
  if (!value || !value->is_object() || !value->as_object().contains("ciphertext")) {
    return fail(Errc::unavailable,
                "expected a JSON object with \"ciphertext\" in " + found->second.string());
  }
  return net::json_response(200, text);
}

Result<net::HttpResponse> ControlService::credentials() const {
  if (!options_.credentials) return not_configured("--credentials FILE");
  COFFERDAM_TRY(const Secret json, options_.credentials->read());
  // The server wipes the body once it is sent.
  return net::json_response(200, as_text(json.reveal()));
}

Result<net::HttpResponse> ControlService::heartbeat() {
  if (!last_heartbeat_) log::info("control: first heartbeat, the enclave has validated itself");
  last_heartbeat_ = clock_->now();
  ++heartbeats_;
  return no_content();
}

Result<net::HttpResponse> ControlService::record_decision(ByteView body) {
  if (!decision_log_.valid()) {
    return fail(Errc::unavailable, "the parent was not given --decision-log FILE");
  }
  COFFERDAM_TRY(const json::value decision, parse_json(as_text(body), kMaxDecisionSize));
  if (!decision.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
  // Written anew, so that it is one line whatever white space it came with.
  COFFERDAM_CHECK(append(decision_log_.get(), json::serialize(decision) + "\n"));
  ++decisions_;
  return no_content();
}

Result<net::HttpResponse> ControlService::record_exit(ByteView body) {
  COFFERDAM_TRY(json::object report, parse_exit_report(body));
  log::info("control: the enclave ended: " + json::serialize(report));
  report["time"] = format_rfc3339(clock_->now());
  last_exit_ = std::move(report);
  return no_content();
}

Result<net::HttpResponse> ControlService::status() const {
  json::object status = status_source_ ? status_source_() : json::object();
  status["heartbeats"] = heartbeats_;
  if (last_heartbeat_) {
    status["lastHeartbeat"] = format_rfc3339(*last_heartbeat_);
  } else {
    status["lastHeartbeat"] = nullptr;
  }
  status["decisions"] = decisions_;
  status["exit"] = last_exit_;
  return net::json_response(200, json::serialize(status));
}

}  // namespace cofferdam::parent
