// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "net/http.h"
#include "net/task.h"
#include "parent/credential_source.h"

namespace cofferdam::parent {

// Files are read when they are asked for: replacing one is enough to change it.
struct ControlOptions {
  std::optional<std::filesystem::path> release_manifest;
  std::map<std::string, std::filesystem::path> offers;  // Secret name to JSON file.
  std::optional<CredentialSource> credentials;
  std::optional<std::filesystem::path> decision_log;
};

// The parent's side of the control endpoint (docs/parent.md): what an enclave needs from
// outside, handed over as opaque data.
//
// Nothing here is trusted by the enclave. A parent that lies about any of it can stop
// the enclave from working, which it always could, and nothing more.
class ControlService {
 public:
  // `clock` must outlive the service. Errc::unavailable if the decision log cannot be opened.
  static Result<ControlService> open(ControlOptions options, const Clock& clock);

  // More members for GET /v1/status, such as the egress counts.
  void set_status_source(std::function<json::object()> source) {
    status_source_ = std::move(source);
  }

  net::HttpResponse handle(const net::HttpRequest& request);

 private:
  ControlService(ControlOptions options, const Clock& clock, UniqueFd decision_log)
      : options_(std::move(options)), clock_(&clock), decision_log_(std::move(decision_log)) {}

  Result<net::HttpResponse> get(std::string_view target);
  Result<net::HttpResponse> post(std::string_view target, ByteView body);
  Result<net::HttpResponse> release_manifest() const;
  Result<net::HttpResponse> offer(std::string_view name) const;
  Result<net::HttpResponse> credentials() const;
  Result<net::HttpResponse> heartbeat();
  Result<net::HttpResponse> record_decision(ByteView body);
  Result<net::HttpResponse> record_exit(ByteView body);
  Result<net::HttpResponse> status() const;

  ControlOptions options_;
  const Clock* clock_;
  UniqueFd decision_log_;
  std::function<json::object()> status_source_;
  std::uint64_t heartbeats_ = 0;
  std::uint64_t decisions_ = 0;
  std::optional<Timestamp> last_heartbeat_;
  json::value last_exit_;  // Null until an enclave has told how it ended.
};

}  // namespace cofferdam::parent
