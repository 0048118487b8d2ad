// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "cloud/api_error.h"
#include "cloud/kms_operations.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::int64_t kShortestWindow = 7;
constexpr std::int64_t kLongestWindow = 30;

Result<JsonReply> set_state(KmsCore& core, KmsRequest& request, KeyState state) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(core.admit(request, target));
  target.key.state = state;
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  return JsonReply{};
}

}  // namespace

Result<JsonReply> enable_key(KmsCore& core, KmsRequest& request) {
  return set_state(core, request, KeyState::enabled);
}

Result<JsonReply> disable_key(KmsCore& core, KmsRequest& request) {
  return set_state(core, request, KeyState::disabled);
}

Result<JsonReply> update_key_description(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(target.key.description, request.parameters.text("Description", {0, 8192}));
  COFFERDAM_CHECK(core.admit(request, target));
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  return JsonReply{};
}

Result<JsonReply> schedule_key_deletion(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const auto window, request.parameters.optional_integer(
                                       "PendingWindowInDays", kShortestWindow, kLongestWindow));
  const std::int64_t days = window.value_or(kLongestWindow);
  KmsFacts facts;
  facts.conditions = {{"kms:ScheduleKeyDeletionPendingWindowInDays", {std::to_string(days)}}};
  COFFERDAM_CHECK(core.admit(request, target, facts));
  target.key.state = KeyState::pending_deletion;
  target.key.deletion = request.call.now + std::chrono::days(days);
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  JsonReply reply;
  reply.members = {{"KeyId", target.key.arn},
                   {"DeletionDate", to_seconds(*target.key.deletion)},
                   {"KeyState", "PendingDeletion"},
                   {"PendingWindowInDays", days}};
  return reply;
}

Result<JsonReply> cancel_key_deletion(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(core.admit(request, target));
  if (target.key.state != KeyState::pending_deletion) {
    return fail(Errc::denied, api::kInvalidState, target.key.arn + " is not pending deletion.");
  }
  target.key.state = KeyState::disabled;
  target.key.deletion.reset();
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  JsonReply reply;
  reply.members = {{"KeyId", target.key.arn}};
  return reply;
}

}  // namespace cofferdam::cloud::kms
