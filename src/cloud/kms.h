// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "cloud/kms_operations.h"
#include "ledger/decision.h"

namespace cofferdam::cloud {

// AWS KMS with its limits, error names and error texts (AWS KMS API Reference). Policies and
// grants are really evaluated and recipients really verified; what is decided about a
// release is in the decision log before the caller learns it, and what cannot be recorded is
// not released.
//
// The operations are in kms_operations.h. Not safe for concurrent use.
class Kms final : public JsonService {
 public:
  // All must outlive the service.
  Kms(Store& store, RecipientGate& recipients, ledger::DecisionLog& decisions,
      const Authorizer& authorizer, Place place)
      : core_(store, recipients, authorizer, std::move(place)), decisions_(decisions) {}

  std::string_view scope() const noexcept override { return "kms"; }
  std::string_view target_prefix() const noexcept override { return "TrentService"; }
  std::chrono::minutes allowed_skew() const noexcept override { return std::chrono::minutes(5); }

  // Also for other services, which act for the caller (KmsOnBehalf).
  Result<JsonReply> invoke(std::string_view operation, const Call& call,
                           Parameters parameters) override;
  KmsCore& core() noexcept { return core_; }

  // The kind of key pair that a request makes, where that is slow: to be prepared before
  // answer() (KeyPairStock).
  static std::optional<crypto::KeyKind> slow_pair_wanted(const net::HttpRequest& request);

 protected:
  std::span<const std::string_view> secret_members() const noexcept override;
  std::string_view internal_error() const noexcept override { return "KMSInternalException"; }

 private:
  // Which outcomes of an operation go to the decision log.
  enum class Recorded { nothing, denials, everything };
  struct Operation {
    std::string_view name;
    kms::Operation* run;
    KeyMust key_must;
    Recorded recorded;
  };
  static const Operation* find_operation(std::string_view name) noexcept;
  Status record(const Operation& operation, ledger::Decision decision, const Error* error);

  KmsCore core_;
  ledger::DecisionLog& decisions_;
};

}  // namespace cofferdam::cloud
