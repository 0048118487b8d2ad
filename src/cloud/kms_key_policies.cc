// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"
#include "cloud/kms_operations.h"

// A key has exactly one policy, and its name is "default".
namespace cofferdam::cloud::kms {
namespace {

constexpr std::string_view kOnlyPolicy = "default";

Status check_policy_name(const Parameters& parameters) {
  COFFERDAM_TRY(const auto name, parameters.optional_text("PolicyName", {1, 128}));
  if (!name || *name == kOnlyPolicy) return {};
  return fail(Errc::not_found, api::kNotFound, "No such policy exists");
}

}  // namespace

Result<JsonReply> get_key_policy(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_CHECK(core.admit(request, target));
  JsonReply reply;
  reply.members = {{"Policy", target.key.policy}, {"PolicyName", kOnlyPolicy}};
  return reply;
}

Result<JsonReply> list_key_policies(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY([[maybe_unused]] const Page page,
                read_page(request, /*standard=*/100, /*most=*/1000));
  COFFERDAM_CHECK(core.admit(request, target));
  JsonReply reply;
  reply.members = {{"PolicyNames", json::array{kOnlyPolicy}}, {"Truncated", false}};
  return reply;
}

Result<JsonReply> put_key_policy(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(KmsTarget target, core.managed_key(request));
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_TRY(std::string text, request.parameters.text("Policy", {1, 131'072}));
  COFFERDAM_TRY(const bool bypass, request.parameters.flag("BypassPolicyLockoutSafetyCheck"));
  KmsFacts facts;
  facts.bypass_lockout_check = bypass;
  COFFERDAM_CHECK(core.admit(request, target, facts));
  COFFERDAM_CHECK(core.check_new_policy(request, target.key, text, bypass));
  target.key.policy = std::move(text);
  COFFERDAM_CHECK(core.keys().update_key(target.key));
  return JsonReply{};
}

}  // namespace cofferdam::cloud::kms
