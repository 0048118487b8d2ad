// SPDX-License-Identifier: Apache-2.0
#include "cloud/metrics.h"

#include <algorithm>
#include <charconv>

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxSeries = 1024;
constexpr std::size_t kMaxReasons = 64;

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += "# HELP ";
  out += name;
  out += ' ';
  out += help;
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

// The shortest text that reads back as the same number.
std::string text_of(double value) {
  std::array<char, 32> room{};
  const auto [end, error] = std::to_chars(room.data(), room.data() + room.size(), value);
  return error == std::errc() ? std::string(room.data(), end) : "NaN";
}

void line(std::string& out, std::string_view name, std::string_view labels,
          std::string_view value) {
  out += name;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

// Names come from requests but are letters and digits; the rest is ours.
std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

void plain(std::string& out, std::string_view name, std::string_view type, std::string_view help,
           std::uint64_t value) {
  head(out, name, type, help);
  line(out, name, {}, std::to_string(value));
}

void by_label(std::string& out, std::string_view name, std::string_view help,
              std::string_view label_name,
              const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  head(out, name, "counter", help);
  for (const auto& [value, count] : counts) {
    line(out, name, label(label_name, value), std::to_string(count));
  }
}

void count_bounded(std::map<std::string, std::uint64_t, std::less<>>& counts,
                   std::string_view name) {
  const auto found = counts.find(name);
  if (found != counts.end()) {
    ++found->second;
    return;
  }
  ++counts[counts.size() < kMaxReasons ? std::string(name) : "other"];
}

}  // namespace

void Metrics::answered(const RequestName& name, std::string_view result,
                       std::chrono::nanoseconds taken) {
  const std::string service = name.service.empty() ? "none" : name.service;
  Series series{service, name.operation, std::string(result)};
  if (requests_.size() >= kMaxSeries && !requests_.contains(series)) {
    series = {"other", "other", "other"};
  }
  ++requests_[std::move(series)];
  Histogram& histogram = latency_[service];
  const double milliseconds = std::chrono::duration<double, std::milli>(taken).count();
  const auto* bound = std::ranges::lower_bound(kBounds, milliseconds);
  ++histogram.counts.at(static_cast<std::size_t>(bound - kBounds.begin()));
  histogram.seconds += milliseconds / 1000;
}

void Metrics::judged_document(std::string_view reason) { count_bounded(documents_, reason); }

void Metrics::injected(std::string_view fault) { count_bounded(faults_, fault); }

void Metrics::render_requests(std::string& out) const {
  head(out, "cofferdam_requests_total", "counter", "Answered requests.");
  for (const auto& [series, count] : requests_) {
    const auto& [service, operation, result] = series;
    line(out, "cofferdam_requests_total",
         label("service", service) + "," + label("operation", operation) + "," +
             label("result", result),
         std::to_string(count));
  }
}

void Metrics::render_latency(std::string& out) const {
  constexpr std::string_view kName = "cofferdam_request_duration_seconds";
  head(out, kName, "histogram", "From the last byte of a request to its answer.");
  for (const auto& [service, histogram] : latency_) {
    const std::string labels = label("service", service);
    const std::string bucket = std::string(kName) + "_bucket";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      total += histogram.counts.at(i);
      const std::string bound = i < kBounds.size() ? text_of(kBounds.at(i) / 1000) : "+Inf";
      line(out, bucket, labels + "," + label("le", bound), std::to_string(total));
    }
    line(out, std::string(kName) + "_sum", labels, text_of(histogram.seconds));
    line(out, std::string(kName) + "_count", labels, std::to_string(total));
  }
}

std::string Metrics::render(const Gauges& gauges) const {
  std::string out;
  render_requests(out);
  render_latency(out);
  by_label(out, "cofferdam_attested_requests_total",
           "Requests with an attestation document, by the reason of the decision.", "reason",
           documents_);
  by_label(out, "cofferdam_faults_total", "Faults injected.", "kind", faults_);
  plain(out, "cofferdam_store_commits_total", "counter", "Waits for the disk that succeeded.",
        commits_);
  plain(out, "cofferdam_store_commit_failures_total", "counter", "Waits for the disk that failed.",
        failed_commits_);
  plain(out, "cofferdam_events_lost_total", "counter",
        "Events that could not be written to the event log.", lost_events_);
  plain(out, "cofferdam_open_connections", "gauge", "Open connections.", gauges.open_connections);
  plain(out, "cofferdam_requests_under_way", "gauge", "Requests not yet answered.",
        gauges.requests_under_way);
  plain(out, "cofferdam_uptime_seconds", "gauge", "Since the server began to listen.",
        static_cast<std::uint64_t>(gauges.uptime.count()));
  return out;
}

}  // namespace cofferdam::cloud
