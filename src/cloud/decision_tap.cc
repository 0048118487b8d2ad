// SPDX-License-Identifier: Apache-2.0
#include "cloud/decision_tap.h"

#include <utility>

namespace cofferdam::cloud {

Status DecisionTap::record(const ledger::Decision& decision) {
  const bool attested = !decision.document_digest.empty();
  if (attested) unsynced_ = true;
  COFFERDAM_CHECK(log_->record(decision));
  if (attested) metrics_.judged_document(decision.reason);
  last_ = decision;
  return {};
}

std::optional<ledger::Decision> DecisionTap::take(std::string_view request_id) {
  if (!last_ || last_->request_id != request_id) return std::nullopt;
  return std::exchange(last_, std::nullopt);
}

}  // namespace cofferdam::cloud
