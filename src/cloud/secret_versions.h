// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cofferdam::cloud {

inline constexpr std::string_view kCurrentStage = "AWSCURRENT";
inline constexpr std::string_view kPreviousStage = "AWSPREVIOUS";
inline constexpr std::size_t kMaxStagesOfVersion = 20;

// Which versions a secret has and which staging labels are on them: the rules of Secrets
// Manager (API reference, PutSecretValue and UpdateSecretVersionStage; user guide, "Secret
// versions"), without values and without storage.
//
// A label is on one version at most. Once there is a version, AWSCURRENT is on exactly one.
// When it moves, AWSPREVIOUS goes to the version it left. Errors are those of the service,
// as reasons: InvalidParameterException, ResourceNotFoundException, LimitExceededException.
class SecretVersions {
 public:
  using Stages = std::set<std::string, std::less<>>;

  SecretVersions() = default;
  // As stored.
  explicit SecretVersions(std::map<std::string, Stages, std::less<>> versions)
      : versions_(std::move(versions)) {}

  bool has(std::string_view version) const { return versions_.contains(version); }
  // The version with this label, or nothing.
  std::optional<std::string> with_stage(std::string_view stage) const;
  const std::map<std::string, Stages, std::less<>>& all() const noexcept { return versions_; }

  // Puts a new version in, with these labels, which leave other versions. None given:
  // AWSCURRENT. The first version always gets AWSCURRENT.
  Status add(std::string_view version, const std::vector<std::string>& stages);
  // The same for a version that is there already, such as one that was only announced.
  Status relabel(std::string_view version, const std::vector<std::string>& stages);

  // UpdateSecretVersionStage. Nothing for an absent parameter.
  Status move(std::string_view stage, std::optional<std::string_view> to,
              std::optional<std::string_view> from);

  // Drops versions without labels beyond the newest `keep`; `newest_first` has all versions.
  // Returns those dropped.
  std::vector<std::string> drop_unlabelled(const std::vector<std::string>& newest_first,
                                           std::size_t keep);

 private:
  void attach(std::string_view version, std::string_view stage);
  Status check_room(std::string_view version, std::string_view stage) const;

  std::map<std::string, Stages, std::less<>> versions_;
};

}  // namespace cofferdam::cloud
