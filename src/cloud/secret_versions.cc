// SPDX-License-Identifier: Apache-2.0
#include "cloud/secret_versions.h"

#include <algorithm>

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(Errc::invalid_input, api::kInvalidParameter, std::move(message));
}

std::unexpected<Error> no_version(std::string_view version) {
  return fail(
      Errc::not_found, api::kResourceNotFound,
      "Secrets Manager can't find the specified secret version " + std::string(version) + ".");
}

std::unexpected<Error> too_many_stages() {
  return fail(
      Errc::invalid_input, api::kLimitExceeded,
      "A version can't have more than " + std::to_string(kMaxStagesOfVersion) + " staging labels.");
}

}  // namespace

std::optional<std::string> SecretVersions::with_stage(std::string_view stage) const {
  const auto found = std::ranges::find_if(
      versions_, [&](const auto& version) { return version.second.contains(stage); });
  return found == versions_.end() ? std::nullopt : std::optional(found->first);
}

Status SecretVersions::check_room(std::string_view version, std::string_view stage) const {
  const auto found = versions_.find(version);
  if (found == versions_.end() || found->second.contains(stage) ||
      found->second.size() < kMaxStagesOfVersion) {
    return {};
  }
  return too_many_stages();
}

// Takes the label away from wherever it is.
void SecretVersions::attach(std::string_view version, std::string_view stage) {
  const auto before = with_stage(stage);
  if (before == version) return;
  if (before) versions_.find(*before)->second.erase(std::string(stage));
  versions_.find(version)->second.emplace(stage);
  if (stage == kCurrentStage && before) attach(*before, kPreviousStage);
}

Status SecretVersions::add(std::string_view version, const std::vector<std::string>& stages) {
  if (has(version)) return fail(Errc::internal, "the version exists already");
  Stages wanted(stages.begin(), stages.end());
  if (versions_.empty()) wanted.emplace(kCurrentStage);
  versions_.emplace(version, Stages());
  auto added = relabel(version, {wanted.begin(), wanted.end()});
  if (!added) versions_.erase(versions_.find(version));
  return added;
}

Status SecretVersions::relabel(std::string_view version, const std::vector<std::string>& stages) {
  if (!has(version)) return no_version(version);
  Stages wanted(stages.begin(), stages.end());
  if (wanted.empty()) wanted.emplace(kCurrentStage);
  Stages after = versions_.find(version)->second;
  after.insert(wanted.begin(), wanted.end());
  if (after.size() > kMaxStagesOfVersion) return too_many_stages();
  for (const std::string& stage : wanted) attach(version, stage);
  return {};
}

Status SecretVersions::move(std::string_view stage, std::optional<std::string_view> to,
                            std::optional<std::string_view> from) {
  if (to && !has(*to)) return no_version(*to);
  if (from && !has(*from)) return no_version(*from);
  const auto holder = with_stage(stage);
  if (holder && holder != to && !from) {
    return invalid("The parameter RemoveFromVersionId can't be empty. Staging label " +
                   std::string(stage) + " is currently attached to version " + *holder +
                   ", so you must explicitly reference that version in RemoveFromVersionId.");
  }
  if (from && holder != from) {
    return invalid("Staging label " + std::string(stage) + " isn't currently attached to version " +
                   std::string(*from) + ".");
  }
  if (!to && stage == kCurrentStage) {
    return invalid(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be "
        "completely removed.");
  }
  if (!to && !from) return invalid("Specify MoveToVersionId or RemoveFromVersionId.");
  if (!to) {
    versions_.find(*from)->second.erase(std::string(stage));
    return {};
  }
  COFFERDAM_CHECK(check_room(*to, stage));
  attach(*to, stage);
  return {};
}

std::vector<std::string> SecretVersions::drop_unlabelled(
    const std::vector<std::string>& newest_first, std::size_t keep) {
  std::vector<std::string> dropped;
  std::size_t kept = 0;
  for (const std::string& version : newest_first) {
    const auto found = versions_.find(version);
    if (found == versions_.end() || !found->second.empty() || ++kept <= keep) continue;
    versions_.erase(found);
    dropped.push_back(version);
  }
  return dropped;
}

}  // namespace cofferdam::cloud
