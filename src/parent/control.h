// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/time.h"
#include "net/http.h"
#include "net/task.h"
#include "parent/append_log.h"
#include "parent/credential_source.h"
#include "parent/gauges.h"
#include "parent/ledger_store.h"
#include "parent/state_store.h"

namespace cofferdam::parent {

// What is handed over as it is in a file. Files are read when they are asked for:
// replacing one is enough to change it.
struct Handouts {
  std::optional<std::filesystem::path> release_manifest;
  std::map<std::string, std::filesystem::path> offers;  // Secret name to JSON file.
};

struct ControlOptions : Handouts {
  std::optional<CredentialSource> credentials;
  std::optional<std::filesystem::path> ledger;
  std::optional<std::filesystem::path> state_folder;
};

struct ControlCounts {
  std::uint64_t heartbeats = 0;
  std::uint64_t credential_failures = 0;
  std::optional<Timestamp> last_heartbeat;
};

// The parent's side of the control endpoint (docs/parent.md): what an enclave needs from
// outside, handed over as opaque data, and what it wants kept or known.
//
// Nothing here is trusted by the enclave. A parent that lies about any of it can stop
// the enclave from working, which it always could, and nothing more. Nor does this trust
// the enclave: every body is bounded and checked, and what waits for the disk waits on a
// thread of its own.
//
// One event loop, which must outlive the service. What handle() began must have ended, or
// never run again, before the service goes.
class ControlService {
 public:
  static constexpr std::size_t kMaxBody = StateStore::kMaxSize;  // Of any request.

  // `clock` must outlive the service. Errc::unavailable if a file or folder to write to
  // cannot be opened.
  static Result<ControlService> open(ControlOptions options, const Clock& clock);
  ControlService(ControlService&&) noexcept;
  ControlService& operator=(ControlService&&) noexcept;
  ~ControlService();

  // More members for GET /v1/status, such as the egress counts.
  void set_status_source(std::function<json::object()> source) {
    status_source_ = std::move(source);
  }
  void set_handouts(Handouts handouts) { handouts_ = std::move(handouts); }

  Task<net::HttpResponse> handle(net::HttpRequest request);

  const ControlCounts& counts() const noexcept { return counts_; }
  std::optional<std::chrono::milliseconds> heartbeat_age() const;
  const std::optional<Gauges>& gauges() const noexcept { return gauges_; }
  LedgerCounts ledger_counts() const;

 private:
  explicit ControlService(const Clock& clock);

  Task<net::HttpResponse> get(std::string target);
  Task<net::HttpResponse> post(std::string target, Bytes body);
  Task<net::HttpResponse> put(std::string target, Bytes body);
  Result<net::HttpResponse> release_manifest() const;
  Result<net::HttpResponse> offer(std::string_view name) const;
  Task<net::HttpResponse> credentials();
  Task<net::HttpResponse> state(std::string name);
  Result<net::HttpResponse> heartbeat();
  Task<net::HttpResponse> record_ledger(Bytes body);
  Result<net::HttpResponse> record_exit(ByteView body);
  Result<net::HttpResponse> record_gauges(ByteView body);
  Result<net::HttpResponse> status() const;

  Handouts handouts_;
  std::optional<CredentialSource> credentials_;
  const Clock* clock_;
  std::unique_ptr<DiskWorker> disk_;
  std::unique_ptr<LedgerStore> ledger_;
  std::unique_ptr<StateStore> states_;
  std::function<json::object()> status_source_;
  ControlCounts counts_;
  json::value last_exit_;  // Null until an enclave has told how it ended.
  std::optional<Gauges> gauges_;
};

}  // namespace cofferdam::parent
