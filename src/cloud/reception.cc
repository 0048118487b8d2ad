// SPDX-License-Identifier: Apache-2.0
#include "cloud/reception.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "cloud/api_error.h"
#include "cloud/event.h"
#include "cloud/event_parameters.h"
#include "cloud/query_service.h"
#include "cloud/request_name.h"
#include "cloud/uuid.h"
#include "crypto/digest.h"

namespace cofferdam::cloud {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::string_view kOwnPages = "/_cofferdam/";
constexpr std::size_t kMaxFaultFile = std::size_t{64} * 1024;
// Long enough for a status line and a part of the headers.
constexpr std::size_t kTruncatedSize = 40;

// RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". SDKs set their clock by it.
std::string http_date(Timestamp time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  std::array<char, 32> room{};
  const std::size_t size =
      std::strftime(room.data(), room.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {room.data(), size};
}

milliseconds time_of(const std::vector<Fault>& faults, Fault::Kind kind) {
  milliseconds sum{0};
  for (const Fault& fault : faults) {
    if (fault.kind == kind) sum += fault.time;
  }
  return sum;
}

bool has(const std::vector<Fault>& faults, Fault::Kind kind) {
  return std::ranges::find(faults, kind, &Fault::kind) != faults.end();
}

void cut(const std::vector<Fault>& faults, net::HttpResponse& response) {
  if (has(faults, Fault::Kind::truncate)) response.cut_after = kTruncatedSize;
  if (has(faults, Fault::Kind::drop)) response.cut_after = 0;
}

bool denied_by_policy(const CallTrace& trace) {
  return std::ranges::any_of(trace.evaluations, [](const Evaluation& evaluation) {
    return !evaluation.verdict.allowed && !evaluation.by_grant;
  });
}

// Who asked what.
std::string question_of(const net::HttpRequest& request, const aws::SignatureClaim& claim) {
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  return to_hex(crypto::sha384({as_bytes(claim.access_key_id), as_bytes("\n"), as_bytes(target),
                                as_bytes("\n"), request.body}));
}

}  // namespace

Result<std::unique_ptr<Reception>> Reception::open(boost::asio::any_io_executor executor,
                                                   Parts parts, OperationOptions options) {
  std::unique_ptr<Reception> reception(
      new Reception(std::move(executor), std::move(parts), std::move(options)));
  COFFERDAM_CHECK(reception->reload_faults());
  if (const auto& path = reception->options_.record) {
    COFFERDAM_TRY(reception->events_, EventLog::open(*path, reception->options_.record_size));
  }
  return reception;
}

Status Reception::reload_faults() {
  std::vector<FaultRule> rules = options_.faults;
  if (options_.fault_file) {
    COFFERDAM_TRY(const std::string text, read_text_file(*options_.fault_file, kMaxFaultFile));
    auto more = parse_fault_file(text);
    if (!more) return wrap(options_.fault_file->string(), more.error());
    rules.insert(rules.end(), more->begin(), more->end());
  }
  faults_.replace(std::move(rules));
  return {};
}

Task<net::HttpResponse> Reception::answer(net::HttpRequest request) {
  if (request.target.starts_with(kOwnPages)) co_return page(request);
  ++under_way_;
  auto response = co_await serve(std::move(request));
  --under_way_;
  co_return response;
}

Task<net::HttpResponse> Reception::serve(net::HttpRequest request) {
  Visit visit{.request = std::move(request), .name = {}, .faults = {}, .trace = {}, .start = {}};
  visit.start = SteadyClock::now();
  visit.name = name_of(visit.request);
  visit.faults = faults_.faults_for(visit.name);
  for (const Fault& fault : visit.faults) parts_.metrics.injected(fault_name(fault.kind));
  const milliseconds late = time_of(visit.faults, Fault::Kind::latency);
  if (late > milliseconds(0)) COFFERDAM_CO_CHECK(co_await delay(late));
  co_await parts_.service.prepare(visit.request);
  net::HttpResponse response = respond(visit);
  const Status durable = co_await parts_.durable();
  disk_ok_ = durable.has_value();
  if (!durable) {
    wipe(response.body);
    response =
        refusal(visit.name.service, api::to_aws_error(durable.error()), visit.trace.request_id);
  }
  conclude(visit, response);
  co_return response;
}

Task<void> Reception::delay(milliseconds time) {
  boost::asio::steady_timer timer(executor_, time);
  auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (error) co_return fail(Errc::unavailable, "the server is stopping");
  co_return Status();
}

net::HttpResponse Reception::respond(Visit& visit) {
  CallTrace& trace = visit.trace;
  trace.detailed = events_.has_value();
  trace.clock_skew = time_of(visit.faults, Fault::Kind::clock_skew);
  trace.request_id = to_text(random_uuid());
  for (const Fault& fault : visit.faults) {
    auto answer = answer_of(fault, visit.name.service, trace.request_id);
    if (answer) return *std::move(answer);
  }
  if (!throttle_.admit(visit.name.service, visit.start)) {
    return refusal(visit.name.service, throttling_error(visit.name.service), trace.request_id);
  }
  net::HttpResponse response = parts_.service.handle(visit.request, trace);
  if (has(visit.faults, Fault::Kind::stale_read) && trace.caller && trace.claim) {
    mislead(visit, question_of(visit.request, *trace.claim), response);
  }
  if (response.status < 400 && !is_read_only(visit.name.operation)) {
    stale_reads_.wrote(visit.name.service, SteadyClock::now());
  }
  note_parameters(visit);
  wipe(visit.request.body);  // The plaintext of Encrypt.
  return response;
}

// Services of the JSON protocol have noted them already.
void Reception::note_parameters(Visit& visit) {
  CallTrace& trace = visit.trace;
  if (!trace.detailed || !trace.parameters.empty() || !trace.caller) return;
  if (!net::header(visit.request.headers, "X-Amz-Target").empty()) return;
  if (const auto form = form_of(visit.request)) {
    trace.parameters = recorded_parameters(visit.name.service, query_members(*form));
  }
}

// Only who may read learns what was.
void Reception::mislead(const Visit& visit, const std::string& question,
                        net::HttpResponse& response) {
  if (response.status != 200 || !is_read_only(visit.name.operation)) return;
  stale_reads_.pass(visit.name.service, question, time_of(visit.faults, Fault::Kind::stale_read),
                    SteadyClock::now(), response);
}

void Reception::conclude(const Visit& visit, net::HttpResponse& response) {
  const aws::AwsError error = error_in(response);
  std::string_view result = "ok";
  if (response.status >= 400) result = error.type.empty() ? "error" : std::string_view(error.type);
  parts_.metrics.answered(visit.name, result, SteadyClock::now() - visit.start);
  response.headers.emplace_back("Date", http_date(parts_.clock.now() + visit.trace.clock_skew));
  if (events_ && !visit.name.service.empty()) record(visit, response);
  cut(visit.faults, response);
}

void Reception::record(const Visit& visit, net::HttpResponse& response) {
  const auto decision = parts_.decisions.take(visit.trace.request_id);
  const Answered answered{.event_id = to_text(random_uuid()),
                          .name = visit.name,
                          .time = parts_.clock.now(),
                          .place = parts_.place,
                          .request = visit.request,
                          .response = response,
                          .trace = visit.trace,
                          .decision = decision ? &*decision : nullptr};
  // The event that explains the denial, if it was one.
  std::string decided_in = denied_by_policy(visit.trace) ? answered.event_id : std::string();
  for (const NestedCall& nested : visit.trace.nested) {
    const std::string id = to_text(random_uuid());
    if (decided_in.empty() && denied_by_policy(nested.trace)) decided_in = id;
    write_event(make_nested_event(id, answered, nested));
  }
  write_event(make_event(answered));
  if (response.status >= 400 && !decided_in.empty()) {
    response.headers.emplace_back("X-Cofferdam-Decision", decided_in);
  }
}

void Reception::write_event(const json::object& event) {
  if (!events_) return;
  events_ok_ = events_->write(event).has_value();
  if (!events_ok_) parts_.metrics.event_lost();
}

Gauges Reception::gauges() const {
  return {
      .open_connections = parts_.open_connections(),
      .requests_under_way = under_way_,
      .uptime = std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - started_)};
}

net::HttpResponse Reception::health() const {
  const json::object body{{"status", disk_ok_ ? "ok" : "failing"},
                          {"store", disk_ok_ ? "ok" : "failing"},
                          {"events", !events_     ? "off"
                                     : events_ok_ ? "ok"
                                                  : "failing"},
                          {"uptimeSeconds", gauges().uptime.count()}};
  return net::json_response(disk_ok_ ? 200 : 503, json::serialize(body) + "\n");
}

net::HttpResponse Reception::page(const net::HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return net::error_response(405, "method_not_allowed", "this page can only be read");
  }
  const std::string_view name = std::string_view(request.target).substr(kOwnPages.size());
  if (name == "health") return health();
  if (name == "metrics") {
    return net::text_response(200, "text/plain; version=0.0.4", parts_.metrics.render(gauges()));
  }
  return net::error_response(404, "not_found",
                             "there are /_cofferdam/health and /_cofferdam/metrics");
}

}  // namespace cofferdam::cloud
