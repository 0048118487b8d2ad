// SPDX-License-Identifier: Apache-2.0
#include "agent/exit_report.h"

#include <boost/json/serialize.hpp>
#include <string_view>

#include "agent/reason.h"
#include "base/json.h"

namespace cofferdam::agent {
namespace {

constexpr int kFailed = 1;

}  // namespace

std::string_view cause_name(ExitCause cause) {
  switch (cause) {
    case ExitCause::exited:
      return "exited";
    case ExitCause::signaled:
      return "signaled";
    case ExitCause::refused:
      return "refused";
    case ExitCause::not_started:
      return "not_started";
  }
  return "";
}

ExitReport ExitReport::of(const WorkloadEnd& end) {
  ExitReport out;
  out.status = end.status;
  out.cause = end.signal ? ExitCause::signaled : ExitCause::exited;
  out.signal = end.signal;
  return out;
}

ExitReport ExitReport::of(ExitCause cause, const Error& error) {
  ExitReport out;
  out.status = kFailed;
  out.cause = cause;
  out.reason = error.reason.empty() ? reason::kServiceFailed : error.reason;
  out.detail = error.detail;
  return out;
}

std::string to_json(const ExitReport& report) {
  json::object out;
  out["exitStatus"] = report.status;
  out["cause"] = cause_name(report.cause);
  if (report.signal) out["signal"] = *report.signal;
  if (!report.reason.empty()) out["reason"] = report.reason;
  if (!report.detail.empty()) out["detail"] = report.detail;
  if (!report.last_lines.empty()) {
    out["lastLines"] = json::array(report.last_lines.begin(), report.last_lines.end());
  }
  return json::serialize(out);
}

}  // namespace cofferdam::agent
