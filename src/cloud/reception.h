// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cloud/cloud_service.h"
#include "cloud/decision_tap.h"
#include "cloud/event_log.h"
#include "cloud/faults.h"
#include "cloud/metrics.h"
#include "cloud/stale_reads.h"
#include "cloud/throttle.h"
#include "net/task.h"

namespace cofferdam::cloud {

// How the local AWS is operated (docs/local-aws.md).
struct OperationOptions {
  std::vector<FaultRule> faults;
  std::uint64_t fault_seed = 0;
  std::optional<std::filesystem::path> fault_file;  // Its rules come after `faults`.
  std::vector<RateLimit> limits;
  std::optional<std::filesystem::path> record;  // Where events go.
  std::uint64_t record_size = std::uint64_t{64} * 1024 * 1024;
};

// Everything between the socket and the services: faults and limits before them; after
// them the wait for the disk, the event log and the metrics. Also answers
// GET /_cofferdam/health and /_cofferdam/metrics, to anybody.
//
// One thread, that of the executor.
class Reception {
 public:
  struct Parts {
    CloudService& service;
    Metrics& metrics;
    DecisionTap& decisions;
    const Clock& clock;
    Place place;
    // Resumes once everything so far is on disk.
    std::function<Task<void>()> durable;
    std::function<std::size_t()> open_connections;
  };

  // Errors: a fault file that is not one, an event log that cannot be opened. `parts` must
  // outlive the object.
  static Result<std::unique_ptr<Reception>> open(boost::asio::any_io_executor executor, Parts parts,
                                                 OperationOptions options);

  Task<net::HttpResponse> answer(net::HttpRequest request);

  // Reads the fault file again. After an error the rules stay as they were.
  Status reload_faults();

 private:
  // One request on its way.
  struct Visit {
    net::HttpRequest request;
    RequestName name;
    std::vector<Fault> faults;
    CallTrace trace;
    std::chrono::steady_clock::time_point start;
  };

  Reception(boost::asio::any_io_executor executor, Parts parts, OperationOptions options)
      : executor_(std::move(executor)),
        parts_(std::move(parts)),
        options_(std::move(options)),
        faults_({}, options_.fault_seed),
        throttle_(options_.limits),
        started_(std::chrono::steady_clock::now()) {}

  Task<net::HttpResponse> serve(net::HttpRequest request);
  Task<void> delay(std::chrono::milliseconds time);
  net::HttpResponse respond(Visit& visit);
  static void note_parameters(Visit& visit);
  void conclude(const Visit& visit, net::HttpResponse& response);
  void record(const Visit& visit, net::HttpResponse& response);
  void write_event(const json::object& event);
  void mislead(const Visit& visit, const std::string& question, net::HttpResponse& response);
  net::HttpResponse page(const net::HttpRequest& request) const;
  net::HttpResponse health() const;
  Gauges gauges() const;

  boost::asio::any_io_executor executor_;
  Parts parts_;
  OperationOptions options_;
  FaultPlan faults_;
  Throttle throttle_;
  StaleReads stale_reads_;
  std::optional<EventLog> events_;
  std::chrono::steady_clock::time_point started_;
  std::size_t under_way_ = 0;
  bool disk_ok_ = true;
  bool events_ok_ = true;
};

}  // namespace cofferdam::cloud
