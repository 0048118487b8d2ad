// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"
#include "cloud/kms_operations.h"
#include "cloud/kms_tag.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::size_t kMostTags = 50;
constexpr std::int64_t kDefaultPage = 50;
constexpr std::int64_t kLargestPage = 1000;
constexpr Bounds kNameLength{1, 128};
constexpr Bounds kValueLength{0, 256};

std::unexpected<Error> bad_tag(std::string text) {
  return fail(Errc::invalid_input, api::kTag, std::move(text));
}

Status check_tag_count(std::size_t count) {
  if (count <= kMostTags) return {};
  return fail(Errc::invalid_input, api::kLimitExceeded,
              "A key can have at most " + std::to_string(kMostTags) + " tags.");
}

}  // namespace

Result<Tags> read_tags(const Parameters& parameters) {
  Tags tags;
  COFFERDAM_TRY(const auto entries, parameters.object_list("Tags"));
  for (const Parameters& entry : entries) {
    COFFERDAM_TRY(const std::string name, entry.text("TagKey", kNameLength));
    COFFERDAM_TRY(const std::string value, entry.text("TagValue", kValueLength));
    if (name.starts_with("aws:")) return bad_tag("Tags beginning with aws: are reserved");
    if (!tags.emplace(name, value).second) return bad_tag("Duplicate tag keys");
  }
  COFFERDAM_CHECK(check_tag_count(tags.size()));
  return tags;
}

void add_tag_facts(const Tags& tags, KmsFacts& facts) {
  if (tags.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, value] : tags) {
    names.push_back(name);
    facts.tags.emplace_back("aws:RequestTag/" + name, value);
  }
  facts.conditions.emplace_back("aws:TagKeys", std::move(names));
}

Result<JsonReply> tag_resource(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const Tags tags, read_tags(request.parameters));
  KmsFacts facts;
  add_tag_facts(tags, facts);
  COFFERDAM_CHECK(core.admit(request, target, facts));
  COFFERDAM_TRY(Tags all, core.keys().tags(target.key.id));
  for (const auto& [name, value] : tags) all[name] = value;
  COFFERDAM_CHECK(check_tag_count(all.size()));
  COFFERDAM_CHECK(core.keys().store().atomically([&]() -> Status {
    for (const auto& [name, value] : tags) {
      COFFERDAM_CHECK(core.keys().put_tag(target.key.id, name, value));
    }
    return {};
  }));
  return JsonReply{};
}

Result<JsonReply> untag_resource(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const auto names, request.parameters.text_list("TagKeys", kNameLength));
  KmsFacts facts;
  facts.conditions = {{"aws:TagKeys", names}};
  COFFERDAM_CHECK(core.admit(request, target, facts));
  COFFERDAM_CHECK(core.keys().store().atomically([&]() -> Status {
    for (const std::string& name : names) {
      COFFERDAM_CHECK(core.keys().delete_tag(target.key.id, name));
    }
    return {};
  }));
  return JsonReply{};
}

Result<JsonReply> list_resource_tags(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const Page page, read_page(request, kDefaultPage, kLargestPage));
  COFFERDAM_CHECK(core.admit(request, target));
  COFFERDAM_TRY(const Tags tags, core.keys().tags(target.key.id));
  std::vector<std::pair<std::string, std::string>> shown(tags.upper_bound(page.marker), tags.end());
  JsonReply reply;
  cut_page(page, shown, reply.members, [](const auto& tag) { return tag.first; });
  json::array out;
  for (const auto& [name, value] : shown) {
    out.push_back(json::object{{"TagKey", name}, {"TagValue", value}});
  }
  reply.members["Tags"] = std::move(out);
  return reply;
}

}  // namespace cofferdam::cloud::kms
