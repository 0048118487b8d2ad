// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "cloud/iam_store.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

// Temporary credentials and all that STS was told when it made them.
struct Session {
  std::string access_key_id;
  Secret secret_access_key;
  std::string identity;  // Id of the role or, after GetSessionToken, of the user.
  std::string name;      // Role session name; empty for a user.
  Timestamp issued;
  Timestamp expires;
  std::optional<std::string> policy = {};  // Session policy, JSON.
  std::vector<std::string> policy_arns = {};
  Tags tags = {};
  std::set<std::string> transitive_tags = {};
  std::string federated_provider = {};
  std::string source_identity = {};
};

// Sessions are not stored: the session token carries everything, sealed under the master
// key and bound to its access key id. So making one costs no write, and they outlive a
// restart.
//
// Policies and tags count in their packed form against kMaxPackedSize, since a token must
// fit into a header.
class Sessions {
 public:
  static constexpr std::size_t kMaxPackedSize = 4096;

  explicit Sessions(const Store& store) : store_(store) {}

  // With a new access key.
  static Session begin(std::string_view account, Timestamp now, std::chrono::seconds duration);
  static std::size_t packed_size(const Session& session);

  Result<std::string> to_token(const Session& session) const;
  // Nothing for a token that was not made here or not for this access key.
  std::optional<Session> from_token(std::string_view access_key_id, std::string_view token) const;

 private:
  const Store& store_;
};

}  // namespace cofferdam::cloud
