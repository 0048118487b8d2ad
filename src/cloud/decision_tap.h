// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "cloud/metrics.h"
#include "ledger/decision.h"

namespace cofferdam::cloud {

// A decision log that others may look over the shoulder of: it counts decisions about
// attestation documents, keeps the last decision for the event log, and knows whether a
// decision about one waits to be synced: the others are written, but no answer waits for
// the disk on their account. One thread, but for sync().
class DecisionTap final : public ledger::DecisionLog {
 public:
  // `metrics` must outlive this.
  DecisionTap(std::unique_ptr<ledger::DecisionLog> log, Metrics& metrics)
      : log_(std::move(log)), metrics_(metrics) {}

  Status record(const ledger::Decision& decision) override;
  Status sync() override { return log_->sync(); }

  bool has_unsynced() const noexcept { return unsynced_; }
  // After a sync() that succeeded and while nothing is being recorded.
  void note_synced() noexcept { unsynced_ = false; }
  // The last decision, if it was about this request.
  std::optional<ledger::Decision> take(std::string_view request_id);

 private:
  std::unique_ptr<ledger::DecisionLog> log_;
  Metrics& metrics_;
  std::optional<ledger::Decision> last_;
  bool unsynced_ = false;
};

}  // namespace cofferdam::cloud
