// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/remembered.h"
#include "cloud/secret_versions.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

// What RotateSecret was told. The rotation itself is somebody else's work.
struct RotationSettings {
  bool enabled = false;
  std::string lambda_arn;       // May be empty.
  std::int64_t after_days = 0;  // 0: not given.
  std::string schedule;         // "rate(10 days)"; may be empty.
  std::string duration;         // "3h"; may be empty.
};

// A secret, all but its versions and tags.
struct SecretRecord {
  std::string arn;
  std::string account;
  std::string name;
  std::string description;
  std::string kms_key;  // As the request named it; empty: aws/secretsmanager.
  std::string policy;   // JSON, as given; empty: none.
  Timestamp created;
  Timestamp changed;
  std::optional<Timestamp> accessed;  // Midnight of the day.
  std::optional<Timestamp> deletion;  // When it ceases to be.
  std::optional<RotationSettings> rotation;
  std::optional<Timestamp> rotated;
  std::optional<Timestamp> next_rotation;
};

// The data key of a version, encrypted by KMS.
struct WrappedKey {
  std::string kms_key;  // As ListSecretVersionIds shows it.
  Bytes blob;
};

// A version, all but its labels.
struct SecretVersion {
  std::string id;
  Timestamp created;
  std::optional<Timestamp> accessed;  // Midnight of the day.
  bool binary = false;
  Bytes sealed;                  // Under the data key. Empty: a pending version without a value.
  std::vector<WrappedKey> keys;  // The same data key, each time; newest first.
};

enum class SecretOrder : std::uint8_t { created, accessed, changed, name };

// Where a page of secrets begins: after `last`, or at the beginning.
struct SecretsAfter {
  SecretOrder order = SecretOrder::created;
  bool descending = false;
  std::optional<SecretRecord> last;
};

using SecretTags = std::map<std::string, std::string>;

// The tables of Secrets Manager in the store. A secret's value is here only under its data
// key, and that only under a KMS key. What it promises is what Store promises.
class SecretsStore {
 public:
  // The store must outlive this.
  explicit SecretsStore(Store& store)
      : store_(store),
        records_(store),
        versions_(store),
        labels_(store),
        tags_(store),
        first_deletion_(store) {}

  Status add(const SecretRecord& secret);
  Result<std::optional<SecretRecord>> find(std::string_view arn);
  Result<std::optional<SecretRecord>> find_by_name(std::string_view account, std::string_view name);
  // Everything of a record but its names and its creation.
  Status update(const SecretRecord& secret);
  // With versions and tags.
  Status remove(std::string_view arn);
  Result<std::vector<SecretRecord>> list(std::string_view account, const SecretsAfter& after,
                                         std::size_t limit);
  // Secrets whose deletion date has come.
  Result<std::vector<std::string>> due_for_deletion(Timestamp now);

  // Every version with its labels.
  Result<SecretVersions> labels(std::string_view arn);
  Status put_labels(std::string_view arn, const SecretVersions& versions);

  // Adds the version or gives an existing one its value and keys.
  Status put_version(std::string_view arn, const SecretVersion& version);
  Result<std::optional<SecretVersion>> find_version(std::string_view arn, std::string_view id);
  // In the order of their creation, without values and keys' blobs.
  Result<std::vector<SecretVersion>> list_versions(std::string_view arn);
  Status remove_version(std::string_view arn, std::string_view id);
  Status touch_version(std::string_view arn, std::string_view id, Timestamp day);

  Result<SecretTags> tags(std::string_view arn);
  Status put_tags(std::string_view arn, const SecretTags& tags);

  Store& store() noexcept { return store_; }

 private:
  Result<std::vector<WrappedKey>> keys(std::string_view arn, std::string_view version);
  Result<SecretVersions> read_labels(std::string_view arn);
  Result<std::optional<SecretVersion>> read_version(std::string_view arn, std::string_view id);
  Result<Timestamp> first_deletion();

  Store& store_;
  Remembered<SecretRecord> records_;      // By ARN, and by account and name.
  Remembered<SecretVersion> versions_;    // By ARN and id.
  Remembered<SecretVersions> labels_;     // By ARN.
  Remembered<SecretTags> tags_;           // By ARN.
  Remembered<Timestamp> first_deletion_;  // Under no name.
};

}  // namespace cofferdam::cloud
