// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cloud/ciphertext.h"
#include "cloud/json_service.h"
#include "cloud/recipient.h"
#include "cloud/store.h"
#include "ledger/decision.h"
#include "policy/kms.h"

namespace cofferdam::cloud {

// AWS KMS for symmetric keys, with AWS's limits, error names and error texts (AWS KMS API
// Reference). Policies are really evaluated and recipients really verified; what is
// decided about a release is in the decision log before the caller learns it, and what
// cannot be recorded is not released.
//
// kms.cc holds what operations share, kms_keys.cc those on keys, kms_release.cc those that
// use one. Not safe for concurrent use.
class Kms final : public JsonService {
 public:
  // All must outlive the service.
  Kms(Store& store, RecipientGate& recipients, ledger::DecisionLog& decisions, Place place)
      : store_(store), recipients_(recipients), decisions_(decisions), place_(std::move(place)) {}

  std::string_view scope() const noexcept override { return "kms"; }
  std::string_view target_prefix() const noexcept override { return "TrentService"; }

 protected:
  Result<JsonReply> invoke(std::string_view operation, const Call& call,
                           Parameters parameters) override;

 private:
  // One request under way and what will be on record about it.
  struct Request {
    const Call& call;
    Parameters parameters;
    ledger::Decision decision;
  };
  // The key a request names, and the alias it named it by.
  struct Target {
    KeyRecord key;
    std::optional<std::string> alias;
  };
  // Which outcomes of an operation go to the decision log.
  enum class Recorded { nothing, denials, everything };
  struct Operation {
    std::string_view name;
    Result<JsonReply> (Kms::*run)(Request&);
    Recorded recorded;
  };
  static const Operation* find_operation(std::string_view name) noexcept;

  Result<JsonReply> create_alias(Request& request);
  Result<JsonReply> create_key(Request& request);
  Result<JsonReply> describe_key(Request& request);
  Result<JsonReply> disable_key(Request& request);
  Result<JsonReply> enable_key(Request& request);
  Result<JsonReply> get_key_policy(Request& request);
  Result<JsonReply> list_keys(Request& request);
  Result<JsonReply> put_key_policy(Request& request);
  Result<JsonReply> decrypt(Request& request);
  Result<JsonReply> encrypt(Request& request);
  Result<JsonReply> generate_data_key(Request& request);

  // kms.cc
  Result<Target> find_target(const Request& request, std::string_view key_id);
  Result<Target> required_target(Request& request, std::string_view member = "KeyId");
  Result<std::string> resolve_alias(std::string_view account, std::string_view name);
  policy::Request policy_request(const Request& request, policy::KmsCall call) const;
  Status authorize(const Request& request, const Target& target, policy::KmsCall details = {});
  Status authorize_without_key(const Request& request, std::string_view resource) const;
  std::string key_arn(std::string_view key_id) const;
  std::string alias_arn(std::string_view account, std::string_view name) const;
  Status record(const Operation& operation, ledger::Decision decision, const Error* error);

  // kms_keys.cc
  Result<JsonReply> set_state(Request& request, KeyState state);
  Result<json::object> metadata(const KeyRecord& key);
  Status check_new_policy(const Request& request, std::string_view key_arn, std::string_view text,
                          bool bypass_lockout_check) const;

  // kms_release.cc
  Result<std::optional<AttestedRecipient>> recipient_of(Request& request,
                                                        attest::CallBinding binding);
  Result<JsonReply> release(Secret plaintext, const std::optional<AttestedRecipient>& recipient,
                            JsonReply reply) const;
  Result<Target> target_of_ciphertext(Request& request, ByteView blob);

  Store& store_;
  RecipientGate& recipients_;
  ledger::DecisionLog& decisions_;
  Place place_;
};

// Identifies key material without telling anything about it: "KeyMaterialId".
std::string key_material_id(const Secret& material);

}  // namespace cofferdam::cloud
