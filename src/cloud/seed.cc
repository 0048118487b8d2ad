// SPDX-License-Identifier: Apache-2.0
#include "cloud/seed.h"

#include <algorithm>

#include "base/file.h"
#include "cloud/seed_reader.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace seed {
namespace {

constexpr std::size_t kMaxEntries = 1000;
constexpr std::size_t kMaxPolicies = 10;
constexpr std::size_t kMaxPolicyText = std::size_t{64} * 1024;
constexpr std::size_t kMaxTags = 50;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The text of a file, which is no secret.
Result<std::string> read_text(const StrictTable& table, std::string_view key,
                              const std::string& file, const Surroundings& around) {
  const auto content = around.read(around.folder / file, kMaxPolicyText);
  if (!content) return table.refuse(key, content.error().detail);
  return std::string(as_text(content->reveal()));
}

// `source`, for messages, is empty for text in the seed itself.
Status check_policy(const StrictTable& table, std::string_view key, const std::string& text,
                    policy::PolicyKind kind, const std::string& source) {
  const auto parsed = policy::parse_document(text, kind);
  if (parsed) return {};
  return table.refuse(
      key, (source.empty() ? "is not a policy: " : source + ": ") + parsed.error().detail);
}

template <class T, class Read>
Status read_all(StrictTable& top, std::string_view name, Read read, Surroundings& around,
                std::vector<T>& out) {
  COFFERDAM_TRY(auto tables, top.tables(name, kMaxEntries));
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(T one, read(table, around));
    COFFERDAM_CHECK(table.finish());
    out.push_back(std::move(one));
  }
  return {};
}

}  // namespace

Status Surroundings::claim(const StrictTable& table, std::string_view key, std::string what) {
  if (taken.insert(std::move(what)).second) return {};
  return table.refuse(key, "names what the seed has already");
}

Result<std::string> read_account(StrictTable& table, const Surroundings& around) {
  COFFERDAM_TRY(auto account, table.optional_text("account"));
  if (!account) return std::string(around.own_account);
  if (!policy::is_account_id(*account)) return table.refuse("account", "is not twelve digits");
  return *std::move(account);
}

Result<std::string> read_name(StrictTable& table, std::string_view extra_characters,
                              std::size_t max_size) {
  COFFERDAM_TRY(std::string name, table.text("name"));
  const auto allowed = [&](char c) {
    return is_letter_or_digit(c) || extra_characters.find(c) != std::string_view::npos;
  };
  if (name.size() <= max_size && std::ranges::all_of(name, allowed)) return name;
  return table.refuse("name", "is not 1 to " + std::to_string(max_size) + " letters, digits and " +
                                  std::string(extra_characters));
}

Result<std::string> read_path(StrictTable& table) {
  COFFERDAM_TRY(auto path, table.optional_text("path"));
  if (!path) return std::string("/");
  const bool printable = std::ranges::all_of(*path, [](char c) { return c > 0x20 && c < 0x7f; });
  if (path->size() <= 512 && path->starts_with('/') && path->ends_with('/') && printable) {
    return *std::move(path);
  }
  return table.refuse("path", "does not begin and end with a slash, or has other characters");
}

Result<Tags> read_tags(StrictTable& table) {
  COFFERDAM_TRY(Tags tags, table.text_map("tags", kMaxTags));
  for (const auto& [name, value] : tags) {
    if (name.size() > 128 || value.size() > 256 || name.starts_with("aws:")) {
      return table.refuse("tags",
                          "has a key over 128 or a value over 256 bytes, or a key of AWS's");
    }
  }
  return tags;
}

Result<std::optional<std::string>> read_policy(StrictTable& table, std::string_view key,
                                               policy::PolicyKind kind,
                                               const Surroundings& around) {
  COFFERDAM_TRY(auto given, table.optional_lines(key, kMaxPolicyText));
  if (!given) return std::optional<std::string>();
  if (given->find_first_not_of(" \t\r\n") == given->find('{')) {
    COFFERDAM_CHECK(check_policy(table, key, *given, kind, /*source=*/{}));
    return given;
  }
  COFFERDAM_TRY(std::string text, read_text(table, key, *given, around));
  COFFERDAM_CHECK(check_policy(table, key, text, kind, *given));
  return std::optional(std::move(text));
}

Result<std::vector<NamedPolicy>> read_policies(StrictTable& table, policy::PolicyKind kind,
                                               const Surroundings& around) {
  COFFERDAM_TRY(const auto files, table.optional_texts("policies", kMaxPolicies));
  std::vector<NamedPolicy> out;
  for (const std::string& file : files.value_or(std::vector<std::string>())) {
    COFFERDAM_TRY(std::string text, read_text(table, "policies", file, around));
    COFFERDAM_CHECK(check_policy(table, "policies", text, kind, file));
    const std::string name = std::filesystem::path(file).stem().string();
    if (std::ranges::find(out, name, &NamedPolicy::name) != out.end()) {
      return table.refuse("policies", "has two policies of one name");
    }
    out.push_back({.name = name, .document = std::move(text)});
  }
  return out;
}

Result<std::optional<Secret>> read_value(StrictTable& table, std::string_view key,
                                         std::size_t max_size, bool exactly,
                                         const Surroundings& around) {
  COFFERDAM_TRY(const auto file, table.optional_text(key));
  if (!file) return std::optional<Secret>();
  auto value = around.read(around.folder / *file, max_size);
  if (!value) return table.refuse(key, value.error().detail);
  if (!exactly) {
    const std::string_view text = as_text(value->reveal());
    const std::size_t end = text.ends_with("\r\n") ? 2 : text.ends_with('\n') ? 1 : 0;
    if (end > 0) value = std::move(*value).truncated(text.size() - end);
  }
  if (value->empty()) return table.refuse(key, "names an empty file");
  return std::optional(*std::move(value));
}

namespace {

Result<Seed> read_top(const toml::table& table, Surroundings& around) {
  StrictTable top(table, "", "seed");
  Seed seed;
  COFFERDAM_CHECK(read_all(top, "policy", read_managed_policy, around, seed.policies));
  COFFERDAM_CHECK(read_all(top, "user", read_user, around, seed.identities));
  COFFERDAM_CHECK(read_all(top, "role", read_role, around, seed.identities));
  COFFERDAM_CHECK(read_all(top, "organization", read_organization, around, seed.organizations));
  COFFERDAM_CHECK(read_all(top, "oidc_provider", read_provider, around, seed.providers));
  COFFERDAM_CHECK(read_all(top, "key", read_key, around, seed.keys));
  COFFERDAM_CHECK(read_all(top, "secret", read_secret, around, seed.secrets));
  COFFERDAM_CHECK(top.finish());
  return seed;
}

}  // namespace
}  // namespace seed

Result<Seed> parse_seed(std::string_view text, const std::filesystem::path& folder,
                        std::string_view own_account, const SeedFile& read) {
  if (text.size() > kMaxSeedSize) {
    return fail(Errc::invalid_input, "the seed is larger than 1 MiB");
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& where = parsed.error().source().begin;
    return fail(Errc::invalid_input, "the seed is not TOML: line " + std::to_string(where.line) +
                                         ", column " + std::to_string(where.column));
  }
  seed::Surroundings around{.folder = folder, .own_account = own_account, .read = read};
  return seed::read_top(parsed.table(), around);
}

Result<Seed> read_seed(const std::filesystem::path& file, std::string_view own_account) {
  COFFERDAM_TRY(const std::string text, read_text_file(file, kMaxSeedSize));
  auto seed = parse_seed(text, std::filesystem::absolute(file).parent_path(), own_account,
                         read_secret_file);
  if (!seed) return wrap(file.string(), seed.error());
  return seed;
}

}  // namespace cofferdam::cloud
