// SPDX-License-Identifier: Apache-2.0
#include "cloud/query_parameters.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "cloud/query_service.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxTags = 50;

// "UserName" as messages write it: "userName".
std::string member_name(std::string_view name) {
  std::string out(name);
  if (!out.empty()) out[0] = to_lower(out[0]);
  return out;
}

std::unexpected<Error> violated(std::string_view name, std::string_view value,
                                std::string_view constraint) {
  return fail(Errc::invalid_input, query::kValidation,
              "1 validation error detected: Value " + std::string(value) + " at '" +
                  member_name(name) + "' failed to satisfy constraint: " + std::string(constraint));
}

std::string quoted(std::string_view value) { return "'" + std::string(value) + "'"; }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool contains(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

bool printable(char c) { return c >= 0x21 && c <= 0x7e; }

bool fits(Charset charset, std::string_view value) {
  switch (charset) {
    case Charset::any:
      return true;
    case Charset::name:
      return std::ranges::all_of(value, [](char c) { return is_word(c) || contains("+=,.@-", c); });
    case Charset::word:
      return std::ranges::all_of(value, is_word);
    case Charset::external_id:
      return std::ranges::all_of(value,
                                 [](char c) { return is_word(c) || contains("+=,.@:/-", c); });
    case Charset::path:
      return value.starts_with('/') && value.ends_with('/') &&
             std::ranges::all_of(value, printable);
    case Charset::document:
      break;
  }
  return std::ranges::all_of(
      value, [](char c) { return static_cast<unsigned char>(c) >= 0x20 || contains("\t\n\r", c); });
}

Status check_charset(std::string_view name, std::string_view value, Charset charset) {
  if (fits(charset, value)) return {};
  const std::string start = "The specified value for " + member_name(name) + " is invalid. ";
  switch (charset) {
    case Charset::name:
      return fail(Errc::invalid_input, query::kValidation,
                  start +
                      "It must contain only alphanumeric characters and/or the following: "
                      "+=,.@_-");
    case Charset::path:
      return fail(Errc::invalid_input, query::kValidation,
                  start +
                      "It must begin and end with / and contain only alphanumeric characters "
                      "and/or / characters.");
    case Charset::word:
      return violated(name, quoted(value),
                      "Member must satisfy regular expression pattern: [\\w]*");
    case Charset::external_id:
      return violated(name, quoted(value),
                      "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*");
    default:
      return fail(Errc::invalid_input, query::kValidation,
                  start + "It has characters that are not allowed.");
  }
}

Status check_length(std::string_view name, std::string_view value, Bounds bounds) {
  // Characters, not bytes: whatever does not continue one begins one.
  const auto length = static_cast<std::size_t>(std::ranges::count_if(
      value, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  if (length < bounds.min) {
    return violated(
        name, quoted(value),
        "Member must have length greater than or equal to " + std::to_string(bounds.min));
  }
  if (length > bounds.max) {
    return violated(name, quoted(value),
                    "Member must have length less than or equal to " + std::to_string(bounds.max));
  }
  return {};
}

}  // namespace

Result<std::optional<std::string>> QueryParameters::optional_text(std::string_view name,
                                                                  Bounds characters,
                                                                  Charset charset) const {
  const auto found = form_.find(name);
  if (found == form_.end()) return std::optional<std::string>();
  COFFERDAM_CHECK(check_length(name, found->second, characters));
  COFFERDAM_CHECK(check_charset(name, found->second, charset));
  return std::optional(found->second);
}

Result<std::string> QueryParameters::text(std::string_view name, Bounds characters,
                                          Charset charset) const {
  COFFERDAM_TRY(auto value, optional_text(name, characters, charset));
  if (!value) return violated(name, "null", "Member must not be null");
  return *std::move(value);
}

Result<std::optional<std::int64_t>> QueryParameters::optional_integer(std::string_view name,
                                                                      std::int64_t min,
                                                                      std::int64_t max) const {
  const auto found = form_.find(name);
  if (found == form_.end()) return std::optional<std::int64_t>();
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Errc::invalid_input, query::kMalformedInput,
                "Invalid value for " + member_name(name) + ": a number was expected.");
  }
  if (value < min) {
    return violated(name, quoted(text),
                    "Member must have value greater than or equal to " + std::to_string(min));
  }
  if (value > max) {
    return violated(name, quoted(text),
                    "Member must have value less than or equal to " + std::to_string(max));
  }
  return std::optional(value);
}

Result<bool> QueryParameters::flag(std::string_view name) const {
  const auto found = form_.find(name);
  if (found == form_.end() || found->second == "false") return false;
  if (found->second == "true") return true;
  return fail(Errc::invalid_input, query::kMalformedInput,
              "Invalid value for " + member_name(name) + ": true or false was expected.");
}

Result<std::vector<std::string>> QueryParameters::list(std::string_view name, Bounds characters,
                                                       std::string_view field) const {
  std::vector<std::string> out;
  while (true) {
    const std::string member = std::string(name) + ".member." + std::to_string(out.size() + 1);
    COFFERDAM_TRY(auto value, optional_text(member + std::string(field), characters));
    if (!value) return out;
    out.push_back(*std::move(value));
  }
}

Result<std::map<std::string, std::string>> QueryParameters::tags(std::string_view name) const {
  COFFERDAM_TRY(const auto keys, list(name, {1, 128}, ".Key"));
  if (keys.size() > kMaxTags) {
    return violated(name, "'" + std::to_string(keys.size()) + " tags'",
                    "Member must have length less than or equal to 50");
  }
  std::map<std::string, std::string> out;
  std::set<std::string> folded;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string member = std::string(name) + ".member." + std::to_string(i + 1) + ".Value";
    COFFERDAM_TRY(std::string value, text(member, {0, 256}));
    if (to_lower(keys[i]).starts_with("aws:")) {
      return fail(Errc::invalid_input, query::kInvalidInput,
                  "Tag keys that begin with aws: are reserved.");
    }
    if (!folded.insert(to_lower(keys[i])).second) {
      return fail(Errc::invalid_input, query::kInvalidInput,
                  "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    }
    out.emplace(keys[i], std::move(value));
  }
  return out;
}

}  // namespace cofferdam::cloud
