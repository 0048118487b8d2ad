// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "cloud/request_name.h"

namespace cofferdam::cloud {

// What is known at the moment of asking and counted elsewhere.
struct Gauges {
  std::size_t open_connections = 0;
  std::size_t requests_under_way = 0;
  std::chrono::seconds uptime{0};
};

// Counts what the server does, for Prometheus (text format 0.0.4). Holds names of services,
// operations and outcomes only. What clients choose is bounded: beyond 1024 combinations a
// request counts under "other". One thread.
class Metrics {
 public:
  // `result` is "ok" or the name of an error.
  void answered(const RequestName& name, std::string_view result, std::chrono::nanoseconds taken);
  void committed() noexcept { ++commits_; }
  void commit_failed() noexcept { ++failed_commits_; }
  // `reason` is that of the decision about a request with an attestation document.
  void judged_document(std::string_view reason);
  void injected(std::string_view fault);
  void event_lost() noexcept { ++lost_events_; }

  std::string render(const Gauges& gauges) const;

 private:
  // Upper bounds in milliseconds.
  static constexpr std::array kBounds{0.25, 0.5,  1.0,   2.5,   5.0,    10.0,
                                      25.0, 50.0, 100.0, 250.0, 1000.0, 5000.0};
  struct Histogram {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    double seconds = 0;
  };
  using Series = std::tuple<std::string, std::string, std::string>;

  void render_requests(std::string& out) const;
  void render_latency(std::string& out) const;

  std::map<Series, std::uint64_t> requests_;
  std::map<std::string, Histogram, std::less<>> latency_;  // By service.
  std::map<std::string, std::uint64_t, std::less<>> documents_;
  std::map<std::string, std::uint64_t, std::less<>> faults_;
  std::uint64_t commits_ = 0;
  std::uint64_t failed_commits_ = 0;
  std::uint64_t lost_events_ = 0;
};

}  // namespace cofferdam::cloud
