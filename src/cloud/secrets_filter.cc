// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_filter.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr std::array<std::string_view, 7> kKeys{
    "description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"};
constexpr std::size_t kMostFilters = 10;
constexpr std::size_t kMostValues = 10;
constexpr std::size_t kRowsAtOnce = 200;

bool is_filter_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" :_@/+=.-!").find(c) != std::string_view::npos;
}

bool contains(std::string_view text, std::string_view lower_word) {
  return to_lower(text).find(lower_word) != std::string::npos;
}

bool anywhere(std::string_view word, const SecretRecord& secret, const SecretTags& tags,
              std::string_view region) {
  const std::string lower = to_lower(word);
  return contains(secret.name, lower) || contains(secret.description, lower) ||
         contains(region, lower) || std::ranges::any_of(tags, [&](const auto& tag) {
           return contains(tag.first, lower) || contains(tag.second, lower);
         });
}

bool every_word(std::string_view value, const SecretRecord& secret, const SecretTags& tags,
                std::string_view region) {
  while (!value.empty()) {
    const std::string_view word = value.substr(0, value.find(' '));
    if (!word.empty() && !anywhere(word, secret, tags, region)) return false;
    value.remove_prefix(std::min(word.size() + 1, value.size()));
  }
  return true;
}

bool matches_value(std::string_view key, std::string_view value, const SecretRecord& secret,
                   const SecretTags& tags, std::string_view region) {
  if (key == "name") return secret.name.starts_with(value);
  if (key == "description") return to_lower(secret.description).starts_with(to_lower(value));
  if (key == "primary-region") return region.starts_with(value);
  if (key == "all") return every_word(value, secret, tags, region);
  if (key == "owning-service") return false;
  return std::ranges::any_of(tags, [&](const auto& tag) {
    return (key == "tag-key" ? tag.first : tag.second).starts_with(value);
  });
}

// What list() goes on from, as text: the sorted field and the ARN.
std::string position_of(SecretOrder order, const SecretRecord& secret) {
  const auto text = [](const std::optional<Timestamp>& time) {
    return std::to_string(time ? time->time_since_epoch().count() : 0);
  };
  switch (order) {
    case SecretOrder::created:
      return text(secret.created) + " " + secret.arn;
    case SecretOrder::accessed:
      return text(secret.accessed) + " " + secret.arn;
    case SecretOrder::changed:
      return text(secret.changed) + " " + secret.arn;
    case SecretOrder::name:
      break;
  }
  return secret.name + " " + secret.arn;
}

Result<SecretRecord> read_position(SecretOrder order, std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return bad_token();
  SecretRecord last;
  last.arn = text.substr(space + 1);
  const std::string_view field = text.substr(0, space);
  if (order == SecretOrder::name) {
    last.name = field;
    return last;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return bad_token();
  const Timestamp time{std::chrono::milliseconds(value)};
  last.created = time;
  last.changed = time;
  last.accessed = time;
  return last;
}

}  // namespace

Result<std::vector<SecretFilter>> read_filters(const Parameters& parameters) {
  std::vector<SecretFilter> filters;
  COFFERDAM_TRY(const auto entries, parameters.object_list("Filters"));
  if (entries.size() > kMostFilters) return bad_parameter("Filters has at most 10 entries.");
  for (const Parameters& entry : entries) {
    SecretFilter filter;
    COFFERDAM_TRY(filter.key, entry.required_choice("Key", kKeys));
    COFFERDAM_TRY(filter.values, entry.text_list("Values", {0, 512}));
    if (filter.values.empty() || filter.values.size() > kMostValues) {
      return bad_parameter("A filter has from 1 to 10 values.");
    }
    for (const std::string& value : filter.values) {
      if (!std::ranges::all_of(value, is_filter_character)) {
        return bad_parameter("A filter value has letters, digits, spaces and :_@/+=.-! only.");
      }
    }
    filters.push_back(std::move(filter));
  }
  return filters;
}

bool matches(const std::vector<SecretFilter>& filters, const SecretRecord& secret,
             const SecretTags& tags, std::string_view region) {
  return std::ranges::all_of(filters, [&](const SecretFilter& filter) {
    return std::ranges::any_of(filter.values, [&](std::string_view value) {
      const bool negated = value.starts_with('!');
      if (negated) value.remove_prefix(1);
      return matches_value(filter.key, value, secret, tags, region) != negated;
    });
  });
}

Result<FoundSecrets> find_page(SecretsCore& core, const SecretsRequest& request, SecretsAfter after,
                               const std::vector<SecretFilter>& filters, bool deleted_too,
                               const SecretsPage& page) {
  if (!page.after.empty()) {
    COFFERDAM_TRY(after.last, read_position(after.order, page.after));
  }
  FoundSecrets found;
  for (;;) {
    COFFERDAM_TRY(auto rows, core.secrets().list(request.account(), after, kRowsAtOnce));
    for (SecretRecord& secret : rows) {
      COFFERDAM_TRY(const SecretTags tags, filters.empty() ? Result<SecretTags>(SecretTags())
                                                           : core.secrets().tags(secret.arn));
      after.last = secret;
      if (secret.deletion && !deleted_too) continue;
      if (!matches(filters, secret, tags, core.place().region)) continue;
      // One more than the page holds: there is a next one.
      if (found.secrets.size() == page.size) {
        found.next_token = to_token(position_of(after.order, found.secrets.back()));
        return found;
      }
      found.secrets.push_back(std::move(secret));
    }
    if (rows.size() < kRowsAtOnce) return found;
  }
}

}  // namespace cofferdam::cloud::secrets
