// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/authorizer.h"
#include "cloud/iam_store.h"
#include "cloud/json_service.h"
#include "cloud/key_pair_stock.h"
#include "cloud/kms_grant_store.h"
#include "cloud/kms_request.h"
#include "cloud/kms_store.h"
#include "cloud/policy_cache.h"
#include "cloud/recipient.h"
#include "cloud/remembered.h"
#include "crypto/key_pair.h"

namespace cofferdam::cloud {

// What the operations of KMS share: finding the key a request names, deciding whether the
// request may touch it, and handing out what was asked for.
//
// Errors carry AWS's names (api_error.h). Not safe for concurrent use.
class KmsCore {
 public:
  // All must outlive this.
  KmsCore(Store& store, RecipientGate& recipients, const Authorizer& authorizer, Place place)
      : keys_(store),
        grants_(store),
        iam_(store),
        recipients_(recipients),
        authorizer_(authorizer),
        place_(std::move(place)),
        circumstances_(store) {}

  KeyStore& keys() noexcept { return keys_; }
  GrantStore& grants() noexcept { return grants_; }
  IamStore& iam() noexcept { return iam_; }
  // Private keys of key pairs come from here.
  KeyPairStock& pairs() noexcept { return pairs_; }

  // Deletes the keys whose time has come. Before anything else of a request.
  Status settle(Timestamp now);

  // The key under `member`: a key id, a key ARN, an alias name or an alias ARN; a bare id
  // or name is of the caller's own account. Puts the key on record.
  Result<KmsTarget> named_key(KmsRequest& request, std::string_view member = "KeyId");
  // The same without aliases, for the operations that manage keys.
  Result<KmsTarget> managed_key(KmsRequest& request, std::string_view member = "KeyId");
  Result<KmsTarget> find_key(const KmsRequest& request, std::string_view key_id);

  // Whether the key policy, with the caller's own policies where it delegates to them, or a
  // grant allows the operation, and whether the state of the key does.
  Status admit(const KmsRequest& request, const KmsTarget& target, const KmsFacts& facts = {});
  // The same for what is not a key: "*" or an alias.
  Status admit_without_key(const KmsRequest& request, std::string_view resource,
                           const KmsFacts& facts = {}) const;
  // Whether the caller may replace `policy` again once it is in force.
  Status check_new_policy(const KmsRequest& request, const KeyRecord& key, std::string_view text,
                          bool bypass_lockout_check);

  // Material for a new key of this spec.
  Result<Secret> new_material(const KeySpec& spec);
  // A new generation of material, which from then on encrypts.
  Status rotate(const KeyRecord& key, Timestamp now, bool on_demand);
  // The private half of an asymmetric key.
  Result<crypto::KeyPair> key_pair(const KeyRecord& key);

  // The verified recipient of a request; none without the parameter.
  Result<std::optional<AttestedRecipient>> recipient_of(KmsRequest& request,
                                                        attest::CallBinding binding);

  std::string key_arn(std::string_view account, std::string_view key_id) const;
  std::string alias_arn(std::string_view account, std::string_view name) const;

 private:
  // What the policies are told about a key beyond its record, and its own policy.
  struct Circumstances {
    SharedPolicy policy;
    std::vector<std::string> aliases;
    std::map<std::string, std::string> tags;
  };

  Result<std::shared_ptr<const Circumstances>> circumstances_of(const KeyRecord& key);
  Result<std::string> resolve_alias(std::string_view account, std::string_view name);
  Result<KmsTarget> noted(KmsRequest& request, std::string_view key_id);
  Status rotate_if_due(KeyRecord& key, Timestamp now);
  Result<bool> granted(const policy::Request& asked, const KmsTarget& target,
                       const KmsFacts& facts);

  KeyStore keys_;
  GrantStore grants_;
  IamStore iam_;
  KeyPairStock pairs_;
  RecipientGate& recipients_;
  const Authorizer& authorizer_;
  Place place_;
  PolicyCache policies_;
  Remembered<Circumstances> circumstances_;  // By key id.
};

// The state a key must have; DisabledException or KMSInvalidStateException.
Status check_state(const KeyRecord& key, KeyMust must);
// InvalidKeyUsageException unless the key was made for `usage`.
Status check_usage(const KmsRequest& request, const KeyRecord& key, KeyUsage usage);
// InvalidKeyUsageException unless the key has the algorithm.
Status check_algorithm(const KeyRecord& key, std::string_view algorithm,
                       std::span<const std::string_view> algorithms);
// DryRunOperationException if the request is one.
Status check_dry_run(const KmsRequest& request);

// In clear under `member` to a caller without a recipient; sealed, and only sealed, to one
// with.
Result<JsonReply> release(Secret plaintext, const std::optional<AttestedRecipient>& recipient,
                          JsonReply reply, std::string_view member = "Plaintext");

// New material for a key or a data key pair of this spec.
Result<Secret> generate_material(const KeySpec& spec);
// Identifies key material without telling anything about it: "KeyMaterialId".
std::string key_material_id(const Secret& material);

// Seconds with a fraction, as the JSON protocol writes times.
double to_seconds(Timestamp time);
json::array to_array(std::span<const std::string_view> names);

// A page of a list: Limit and Marker of a request, Truncated and NextMarker of its answer.
struct Page {
  std::size_t size = 0;
  std::string marker;  // The last item of the page before; empty for the first.
};
Result<Page> read_page(const KmsRequest& request, std::int64_t standard, std::int64_t most);
// Cuts `items`, of which one more than the page holds was asked for, down to the page and
// says in `reply` whether that left anything. `marker_of` names an item.
template <class Item, class MarkerOf>
void cut_page(const Page& page, std::vector<Item>& items, json::object& reply, MarkerOf marker_of) {
  const bool truncated = items.size() > page.size;
  if (truncated) items.resize(page.size);
  reply["Truncated"] = truncated;
  if (truncated) reply["NextMarker"] = marker_of(items.back());
}

}  // namespace cofferdam::cloud
