// SPDX-License-Identifier: Apache-2.0
#include "custody/secrets_manager_anchor.h"

#include <boost/json/serialize.hpp>
#include <string_view>

#include "base/encoding.h"
#include "custody/anchor_support.h"
#include "custody/binding.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kCurrent = "AWSCURRENT";
constexpr std::string_view kPending = "AWSPENDING";
constexpr std::size_t kMaxValueSize = 256;
// Secrets Manager keeps about a hundred versions of a secret.
constexpr std::uint64_t kMostBehind = 128;

std::string version_id(std::uint64_t epoch) {
  const std::string digits = std::to_string(epoch);
  return "cofferdam-epoch-" + std::string(20 - digits.size(), '0') + digits;
}

std::string value_of(const AnchorPoint& point) {
  json::object out{{"epoch", point.epoch}};
  if (point.state) out["state"] = to_hex(*point.state);
  return json::serialize(out);
}

Result<AnchorPoint> read_value(std::string_view text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxValueSize, /*max_depth=*/2));
  if (!value.is_object()) return fail(Errc::invalid_input, "the value is not a JSON object");
  COFFERDAM_TRY(const auto epoch, optional_integer(value.get_object(), "epoch"));
  if (!epoch || *epoch < 0 || static_cast<std::uint64_t>(*epoch) > kMaxAnchoredEpoch) {
    return fail(Errc::invalid_input, "epoch: expected a whole number below 2^53");
  }
  AnchorPoint out{.epoch = static_cast<std::uint64_t>(*epoch), .state = {}};
  COFFERDAM_TRY(const auto state, optional_string(value.get_object(), "state"));
  if (state) {
    COFFERDAM_TRY(out.state, read_state_digest(*state));
  }
  return out;
}

}  // namespace

Result<SecretsManagerAnchor::Version> SecretsManagerAnchor::read_version(
    const json::object& answer) const {
  Version out;
  const auto id = required_string(answer, "VersionId");
  const auto text = required_string(answer, "SecretString");
  if (!id || !text) return anchor_malformed(what(), "expected VersionId and SecretString");
  const auto point = read_value(*text);
  if (!point) return anchor_malformed(what(), point.error().detail);
  return Version{.id = *id, .point = *point};
}

Task<SecretsManagerAnchor::Version> SecretsManagerAnchor::read(std::string selector,
                                                               std::string value) {
  json::object body{{"SecretId", secret_}};
  body[selector] = value;
  const auto answer = co_await service_.call("GetSecretValue", std::move(body));
  if (!answer) co_return std::unexpected(anchor_unavailable(what(), answer.error()));
  if (!answer->error.empty()) co_return std::unexpected(anchor_failure(what(), *answer));
  co_return read_version(answer->body);
}

Task<SecretsManagerAnchor::Position> SecretsManagerAnchor::find() {
  std::string stage(kCurrent);
  COFFERDAM_CO_TRY(Version labelled, co_await read("VersionStage", std::move(stage)));
  Position out{.labelled = labelled, .newest = labelled.point};
  for (std::uint64_t step = 0; step < kMostBehind; ++step) {
    const std::uint64_t next = out.newest.epoch + 1;
    auto version = co_await read("VersionId", version_id(next));
    if (!version && version.error().code == Errc::not_found) co_return out;
    if (!version) co_return std::unexpected(std::move(version).error());
    if (version->point.epoch != next) {
      co_return anchor_malformed(
          what(), "the version of epoch " + std::to_string(next) + " says another epoch");
    }
    out.newest = version->point;
  }
  co_return fail(Errc::denied, reason::kAnchorMoved,
                 what() + ": AWSCURRENT is more than " + std::to_string(kMostBehind) +
                     " epochs behind: it was moved back");
}

Task<AnchorPoint> SecretsManagerAnchor::current() {
  COFFERDAM_CO_TRY(Position position, co_await find());
  co_return std::move(position.newest);
}

Task<void> SecretsManagerAnchor::put(AnchorPoint next) {
  json::object body{{"SecretId", secret_},
                    {"ClientRequestToken", version_id(next.epoch)},
                    {"SecretString", value_of(next)},
                    {"VersionStages", json::array{kPending}}};
  const auto answer = co_await service_.call("PutSecretValue", std::move(body));
  if (!answer) co_return std::unexpected(anchor_unavailable(what(), answer.error()));
  if (answer->error.empty()) co_return Status();
  if (answer->error == "ResourceExistsException") co_return anchor_moved(what(), next.epoch - 1);
  co_return std::unexpected(anchor_failure(what(), *answer));
}

Task<void> SecretsManagerAnchor::move_label(std::string from_version, std::uint64_t epoch) {
  json::object body{{"SecretId", secret_},
                    {"VersionStage", kCurrent},
                    {"RemoveFromVersionId", from_version},
                    {"MoveToVersionId", version_id(epoch)}};
  const auto answer = co_await service_.call("UpdateSecretVersionStage", std::move(body));
  if (!answer) co_return std::unexpected(anchor_unavailable(what(), answer.error()));
  if (answer->error.empty()) co_return Status();
  // Another may have moved it meanwhile, and then further on.
  std::string stage(kCurrent);
  COFFERDAM_CO_TRY(const Version labelled, co_await read("VersionStage", std::move(stage)));
  if (labelled.point.epoch >= epoch) co_return Status();
  co_return std::unexpected(anchor_failure(what(), *answer));
}

Task<void> SecretsManagerAnchor::advance(std::uint64_t from, AnchorPoint next) {
  COFFERDAM_CO_CHECK(check_anchored_step(from, next));
  COFFERDAM_CO_TRY(Position position, co_await find());
  if (position.newest != next) {
    if (position.newest.epoch != from) co_return anchor_moved(what(), from);
    COFFERDAM_CO_CHECK(co_await put(next));
  }
  if (position.labelled.point.epoch >= next.epoch) co_return Status();
  co_return co_await move_label(std::move(position.labelled.id), next.epoch);
}

}  // namespace cofferdam::custody
