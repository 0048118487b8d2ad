// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam_core.h"

namespace cofferdam::cloud::iam {
namespace {

constexpr std::size_t kMaxKeys = 2;

std::string_view status_of(const AccessKey& key) { return key.active ? "Active" : "Inactive"; }

std::unexpected<Error> key_missing(std::string_view id) {
  return no_such_entity("The Access Key with id " + std::string(id) + " cannot be found.");
}

// The key that the request names, of the user that it names or means.
Result<AccessKey> named_key(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string id,
                request.parameters.text("AccessKeyId", {16, 128}, Charset::word));
  COFFERDAM_TRY(const Identity user, core.named_identity(request, {}, {}, /*may_be_caller=*/true));
  COFFERDAM_TRY(auto key, core.iam().find_access_key(id));
  if (!key || key->user_id != user.id) return key_missing(id);
  return *std::move(key);
}

}  // namespace

Result<QueryReply> create_access_key(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity user, core.named_identity(request, {}, {}, /*may_be_caller=*/true));
  COFFERDAM_TRY(const auto keys, core.iam().access_keys_of(user.id));
  if (keys.size() >= kMaxKeys) return over_quota("Cannot exceed quota for AccessKeysPerUser: 2");
  AccessKey key;
  key.id = random_access_key_id("AKIA", user.account);
  key.user_id = user.id;
  key.created = std::chrono::floor<std::chrono::seconds>(request.call.now);
  Secret secret = random_secret_access_key();
  COFFERDAM_CHECK(core.iam().add_access_key(key, secret));
  XmlText xml;
  xml.open("AccessKey").leaf("UserName", user.name).leaf("AccessKeyId", key.id);
  xml.leaf("Status", status_of(key)).place_of_secret("SecretAccessKey");
  xml.leaf("CreateDate", to_xml_time(key.created)).close();
  return QueryReply{.result = std::move(xml).take(), .secret = std::move(secret)};
}

Result<QueryReply> list_access_keys(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const Identity user, core.named_identity(request, {}, {}, /*may_be_caller=*/true));
  COFFERDAM_TRY(auto keys, core.iam().access_keys_of(user.id));
  const bool truncated = cut_to_page(page, keys, [](const AccessKey& key) { return key.id; });
  XmlText xml;
  xml.open("AccessKeyMetadata");
  for (const AccessKey& key : keys) {
    xml.open("member").leaf("UserName", user.name).leaf("AccessKeyId", key.id);
    xml.leaf("Status", status_of(key)).leaf("CreateDate", to_xml_time(key.created)).close();
  }
  xml.close();
  write_page_end(xml, truncated, keys.empty() ? "" : keys.back().id);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> update_access_key(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string status, request.parameters.text("Status", {1, 16}));
  COFFERDAM_TRY(AccessKey key, named_key(core, request));
  if (status != "Active" && status != "Inactive") {
    return fail(Errc::invalid_input, query::kValidation,
                "1 validation error detected: Value '" + status +
                    "' at 'status' failed to satisfy constraint: Member must satisfy enum value "
                    "set: [Active, Inactive]");
  }
  key.active = status == "Active";
  COFFERDAM_CHECK(core.iam().update_access_key(key));
  return QueryReply{};
}

Result<QueryReply> delete_access_key(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const AccessKey key, named_key(core, request));
  COFFERDAM_CHECK(core.iam().delete_access_key(key.id));
  return QueryReply{};
}

Result<QueryReply> get_access_key_last_used(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string id,
                request.parameters.text("AccessKeyId", {16, 128}, Charset::word));
  COFFERDAM_TRY(const auto key, core.iam().find_access_key(id));
  std::optional<Identity> user;
  if (key) {
    COFFERDAM_TRY(user, core.iam().find_identity(key->user_id));
  }
  if (!user || user->account != request.account()) {
    COFFERDAM_CHECK(core.admit(request, "*", "*"));
    return key_missing(id);
  }
  COFFERDAM_CHECK(core.admit(request, user->arn(), "user " + user->name, {}, user->tags));
  XmlText xml;
  xml.leaf("UserName", user->name).open("AccessKeyLastUsed");
  if (key->used) xml.leaf("LastUsedDate", to_xml_time(*key->used));
  xml.leaf("ServiceName", key->used ? key->used_service : "N/A");
  xml.leaf("Region", key->used ? key->used_region : "N/A").close();
  return QueryReply{.result = std::move(xml).take()};
}

}  // namespace cofferdam::cloud::iam
