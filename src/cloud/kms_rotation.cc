// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "cloud/api_error.h"
#include "cloud/kms_operations.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::int64_t kStandardPeriod = 365;
constexpr std::int64_t kShortestPeriod = 90;
constexpr std::int64_t kLongestPeriod = 2560;
constexpr std::int64_t kMostOnDemand = 25;
constexpr std::array<std::string_view, 2> kInclude{"ROTATIONS_ONLY", "ALL_KEY_MATERIAL"};

Result<KmsTarget> rotatable_key(KmsCore& core, KmsRequest& request, const KmsFacts& facts = {}) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(core.admit(request, target, facts));
  if (target.key.spec->symmetric()) return target;
  return fail(Errc::invalid_input, api::kUnsupported,
              target.key.arn + " is not a symmetric encryption key: it does not rotate.");
}

// The serial a page starts with. Markers are the serials of the items before.
Result<std::uint32_t> after_marker(std::string_view marker, std::uint32_t first) {
  if (marker.empty()) return first;
  std::uint32_t last = 0;
  const auto [end, error] = std::from_chars(marker.data(), marker.data() + marker.size(), last);
  if (error == std::errc() && end == marker.data() + marker.size()) return last + 1;
  return fail(Errc::invalid_input, api::kInvalidMarker, "The marker is not valid.");
}

json::object rotation_json(const KeyRecord& key, const MaterialRecord& record, bool current,
                           const Secret& material) {
  json::object out{{"KeyId", key.id},
                   {"KeyMaterialId", key_material_id(material)},
                   {"KeyMaterialState", current ? "CURRENT" : "NON_CURRENT"}};
  if (record.serial != 0) {
    out["RotationDate"] = to_seconds(record.created);
    out["RotationType"] = record.on_demand ? "ON_DEMAND" : "AUTOMATIC";
  }
  return out;
}

}  // namespace

Result<JsonReply> enable_key_rotation(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const auto given, request.parameters.optional_integer(
                                      "RotationPeriodInDays", kShortestPeriod, kLongestPeriod));
  const std::int64_t days = given.value_or(kStandardPeriod);
  KmsFacts facts;
  if (given) facts.conditions = {{"kms:RotationPeriodInDays", {std::to_string(days)}}};
  COFFERDAM_TRY(KmsTarget target, rotatable_key(core, request, facts));
  target.key.rotation_days = days;
  target.key.next_rotation = request.call.now + std::chrono::days(days);
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  return JsonReply{};
}

Result<JsonReply> disable_key_rotation(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(KmsTarget target, rotatable_key(core, request));
  target.key.rotation_days.reset();
  target.key.next_rotation.reset();
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  return JsonReply{};
}

// Keys that cannot rotate answer too: never. Terraform asks this of every key it reads.
Result<JsonReply> get_key_rotation_status(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(core.admit(request, target));
  const KeyRecord& key = target.key;
  const bool on = key.rotation_days.has_value() && key.next_rotation.has_value() &&
                  key.state != KeyState::pending_deletion;
  JsonReply reply;
  reply.members = {{"KeyId", key.id}, {"KeyRotationEnabled", on}};
  if (on) {
    reply.members["RotationPeriodInDays"] = *key.rotation_days;
    reply.members["NextRotationDate"] = to_seconds(*key.next_rotation);
  }
  return reply;
}

Result<JsonReply> rotate_key_on_demand(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, rotatable_key(core, request));
  COFFERDAM_TRY(const auto materials, core.keys().materials(target.key.id));
  if (std::ranges::count(materials, true, &MaterialRecord::on_demand) >= kMostOnDemand) {
    return fail(Errc::denied, api::kLimitExceeded,
                "A key can be rotated on demand " + std::to_string(kMostOnDemand) + " times.");
  }
  COFFERDAM_CHECK(core.rotate(target.key, request.call.now, /*on_demand=*/true));
  JsonReply reply;
  reply.members = {{"KeyId", target.key.id}};
  return reply;
}

Result<JsonReply> list_key_rotations(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Page page, read_page(request, /*standard=*/100, /*most=*/1000));
  COFFERDAM_TRY(const std::string include,
                request.parameters.choice("IncludeKeyMaterial", kInclude, kInclude[0]));
  COFFERDAM_TRY(const KmsTarget target, rotatable_key(core, request));
  COFFERDAM_TRY(auto records, core.keys().materials(target.key.id));
  const std::uint32_t newest = records.empty() ? 0 : records.back().serial;
  const std::uint32_t first = include == kInclude[0] ? 1 : 0;
  COFFERDAM_TRY(const std::uint32_t from, after_marker(page.marker, first));
  std::erase_if(records, [&](const MaterialRecord& record) { return record.serial < from; });
  JsonReply reply;
  cut_page(page, records, reply.members,
           [](const MaterialRecord& record) { return std::to_string(record.serial); });
  json::array out;
  for (const MaterialRecord& record : records) {
    COFFERDAM_TRY(const Secret material, core.keys().material(target.key.id, record.serial));
    out.push_back(rotation_json(target.key, record, record.serial == newest, material));
  }
  reply.members["Rotations"] = std::move(out);
  return reply;
}

}  // namespace cofferdam::cloud::kms
