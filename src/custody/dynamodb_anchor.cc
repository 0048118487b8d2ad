// SPDX-License-Identifier: Apache-2.0
#include "custody/dynamodb_anchor.h"

#include <charconv>
#include <optional>

#include "base/encoding.h"
#include "custody/anchor_support.h"
#include "custody/binding.h"

namespace cofferdam::custody {
namespace {

// The text of one attribute of this type ("S" or "N"); nothing where it is absent.
Result<std::optional<std::string>> attribute(const json::object& item, std::string_view name,
                                             std::string_view type) {
  const json::value* found = item.if_contains(name);
  if (found == nullptr) return std::nullopt;
  if (!found->is_object() || found->get_object().size() != 1) {
    return fail(Errc::invalid_input, "attribute " + std::string(name) + " is not well formed");
  }
  COFFERDAM_TRY(std::string text, required_string(found->get_object(), type));
  return std::optional(std::move(text));
}

Result<std::uint64_t> read_epoch(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out > kMaxAnchoredEpoch) {
    return fail(Errc::invalid_input, "epoch: expected a whole number below 2^53");
  }
  return out;
}

Result<AnchorPoint> read_point(const json::object& item) {
  COFFERDAM_TRY(const auto epoch, attribute(item, "epoch", "N"));
  if (!epoch) return fail(Errc::invalid_input, "lacks the attribute epoch");
  AnchorPoint out;
  COFFERDAM_TRY(out.epoch, read_epoch(*epoch));
  COFFERDAM_TRY(const auto state, attribute(item, "state", "S"));
  if (state) {
    COFFERDAM_TRY(out.state, read_state_digest(*state));
  }
  return out;
}

json::object text_value(std::string_view text) { return {{"S", text}}; }
json::object number_value(std::uint64_t value) { return {{"N", std::to_string(value)}}; }

}  // namespace

Result<AnchorPoint> DynamoDbAnchor::read_item(const json::object& answer) const {
  const json::value* item = answer.if_contains("Item");
  if (item == nullptr || !item->is_object()) {
    return fail(Errc::not_found, reason::kAnchorMissing,
                what() + ": there is no such item: create it with epoch 0");
  }
  auto point = read_point(item->get_object());
  if (!point) return anchor_malformed(what(), point.error().detail);
  return point;
}

Task<AnchorPoint> DynamoDbAnchor::current() {
  json::object body{{"TableName", place_.table},
                    {"Key", json::object{{place_.key, text_value(place_.id)}}},
                    {"ConsistentRead", true}};
  const auto answer = co_await service_.call("GetItem", std::move(body));
  if (!answer) co_return std::unexpected(anchor_unavailable(what(), answer.error()));
  if (!answer->error.empty()) co_return std::unexpected(anchor_failure(what(), *answer));
  co_return read_item(answer->body);
}

json::object DynamoDbAnchor::put_request(std::uint64_t from, const AnchorPoint& next) const {
  json::object item{{place_.key, text_value(place_.id)}, {"epoch", number_value(next.epoch)}};
  if (next.state) item["state"] = text_value(to_hex(*next.state));
  return {{"TableName", place_.table},
          {"Item", std::move(item)},
          {"ConditionExpression", "#epoch = :from"},
          {"ExpressionAttributeNames", json::object{{"#epoch", "epoch"}}},
          {"ExpressionAttributeValues", json::object{{":from", number_value(from)}}},
          {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}};
}

Task<void> DynamoDbAnchor::advance(std::uint64_t from, AnchorPoint next) {
  COFFERDAM_CO_CHECK(check_anchored_step(from, next));
  const auto answer = co_await service_.call("PutItem", put_request(from, next));
  if (!answer) co_return std::unexpected(anchor_unavailable(what(), answer.error()));
  if (answer->error.empty()) co_return Status();
  if (answer->error != "ConditionalCheckFailedException") {
    co_return std::unexpected(anchor_failure(what(), *answer));
  }
  // The answer has what is there instead. It may be this very step, done by an earlier call
  // whose answer was lost.
  COFFERDAM_CO_TRY(const AnchorPoint found, read_item(answer->body));
  if (found == next) co_return Status();
  co_return anchor_moved(what(), from);
}

}  // namespace cofferdam::custody
