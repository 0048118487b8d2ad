// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cloud/api_error.h"
#include "cloud/kms_operations.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::string_view kPrefix = "alias/";
constexpr std::string_view kReservedPrefix = "alias/aws/";
constexpr std::int64_t kDefaultPage = 50;
constexpr std::int64_t kLargestPage = 100;

bool has_alias_characters(std::string_view name) {
  return name.size() > kPrefix.size() && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-';
         });
}

Result<std::string> read_alias_name(const Parameters& parameters) {
  COFFERDAM_TRY(std::string name, parameters.text("AliasName", {1, 256}));
  if (!name.starts_with(kPrefix)) {
    return fail(Errc::invalid_input, api::kValidation,
                "Alias must start with the prefix \"alias/\". Please see "
                "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
  }
  if (name.starts_with(kReservedPrefix)) {
    return fail(Errc::denied, api::kNotAuthorized, "");
  }
  if (!has_alias_characters(name)) {
    return fail(Errc::invalid_input, api::kInvalidAlias,
                "After \"alias/\", an alias has only letters, digits, '/', '_' and '-'.");
  }
  return name;
}

json::object to_json(const KmsCore& core, std::string_view account, const AliasRecord& alias) {
  return {{"AliasName", alias.name},
          {"AliasArn", core.alias_arn(account, alias.name)},
          {"TargetKeyId", alias.key_id},
          {"CreationDate", to_seconds(alias.created)},
          {"LastUpdatedDate", to_seconds(alias.updated)}};
}

Result<AliasRecord> existing_alias(KmsCore& core, const KmsRequest& request,
                                   std::string_view name) {
  COFFERDAM_TRY(auto alias, core.keys().find_alias(request.account(), name));
  if (alias) return *std::move(alias);
  return fail(Errc::not_found, api::kNotFound,
              "Alias " + core.alias_arn(request.account(), name) + " is not found.");
}

// Both the alias and the key must allow it, the caller's policies and the key's.
Status admit_both(KmsCore& core, const KmsRequest& request, std::string_view name,
                  const KmsTarget& target) {
  COFFERDAM_CHECK(core.admit_without_key(request, core.alias_arn(request.account(), name)));
  return core.admit(request, target);
}

}  // namespace

Result<JsonReply> create_alias(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const std::string name, read_alias_name(request.parameters));
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request, "TargetKeyId"));
  COFFERDAM_CHECK(admit_both(core, request, name, target));
  const AliasRecord alias{.name = name,
                          .key_id = target.key.id,
                          .created = request.call.now,
                          .updated = request.call.now};
  COFFERDAM_TRY(const bool added, core.keys().add_alias(request.account(), alias));
  if (added) return JsonReply{};
  return fail(
      Errc::invalid_input, api::kAlreadyExists,
      "An alias with the name " + core.alias_arn(request.account(), name) + " already exists");
}

// The new key must be of the kind of the old one, for whoever uses the alias counts on it.
Result<JsonReply> update_alias(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const std::string name, read_alias_name(request.parameters));
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request, "TargetKeyId"));
  COFFERDAM_TRY(AliasRecord alias, existing_alias(core, request, name));
  COFFERDAM_TRY(const auto former, core.keys().find_key(alias.key_id));
  if (!former) return fail(Errc::internal, "an alias names a key that is not there");
  COFFERDAM_CHECK(core.admit(request, {.key = *former, .alias = std::nullopt}));
  COFFERDAM_CHECK(admit_both(core, request, name, target));
  const KeyRecord& key = target.key;
  const auto kind = [](const KeySpec& spec) { return spec.symmetric() ? 0 : spec.hmac ? 1 : 2; };
  if (former->usage != key.usage || kind(*former->spec) != kind(*key.spec)) {
    return fail(Errc::invalid_input, api::kValidation,
                "Alias " + core.alias_arn(request.account(), name) +
                    " cannot be changed to a key of another type or usage.");
  }
  alias.key_id = key.id;
  alias.updated = request.call.now;
  COFFERDAM_CHECK(core.keys().retarget_alias(request.account(), alias));
  return JsonReply{};
}

Result<JsonReply> delete_alias(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const std::string name, read_alias_name(request.parameters));
  COFFERDAM_TRY(const AliasRecord alias, existing_alias(core, request, name));
  COFFERDAM_TRY(auto key, core.keys().find_key(alias.key_id));
  if (!key) return fail(Errc::internal, "an alias names a key that is not there");
  COFFERDAM_CHECK(admit_both(core, request, name, {.key = *std::move(key), .alias = std::nullopt}));
  COFFERDAM_CHECK(core.keys().delete_alias(request.account(), name));
  return JsonReply{};
}

Result<JsonReply> list_aliases(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Page page, read_page(request, kDefaultPage, kLargestPage));
  COFFERDAM_TRY(const auto of_key, request.parameters.optional_text("KeyId", {1, 2048}));
  std::string key_id;
  if (of_key) {
    COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
    key_id = target.key.id;
  }
  COFFERDAM_CHECK(core.admit_without_key(request, "*"));
  COFFERDAM_TRY(auto aliases,
                core.keys().list_aliases(request.account(), key_id, page.marker, page.size + 1));
  JsonReply reply;
  cut_page(page, aliases, reply.members, [](const AliasRecord& alias) { return alias.name; });
  json::array out;
  for (const AliasRecord& alias : aliases) out.push_back(to_json(core, request.account(), alias));
  reply.members["Aliases"] = std::move(out);
  return reply;
}

}  // namespace cofferdam::cloud::kms
