// SPDX-License-Identifier: Apache-2.0
#include "base/strict_toml.h"

#include <algorithm>

namespace cofferdam {
namespace {

constexpr std::size_t kMaxText = 2048;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_ascii_text(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t'; });
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text, std::size_t max_size,
                               const std::string& file) {
  if (text.size() > max_size) {
    return fail(Errc::invalid_input,
                file + " is larger than " + std::to_string(max_size) + " bytes");
  }
  if (!is_ascii_text(text)) {
    return fail(Errc::invalid_input,
                file + " has characters outside of ASCII: write them as \\uXXXX");
  }
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& where = parsed.error().source().begin;
    return fail(Errc::invalid_input, file + " is not TOML: line " + std::to_string(where.line) +
                                         ", column " + std::to_string(where.column));
  }
  return std::move(parsed).table();
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText && std::ranges::none_of(text, is_control);
}

std::unexpected<Error> StrictTable::refuse(std::string_view key, std::string_view why) const {
  return fail(Errc::invalid_input, file_ + ": " + under(key) + " " + std::string(why));
}

std::string StrictTable::under(std::string_view key) const {
  return place_.empty() ? std::string(key) : place_ + "." + std::string(key);
}

const toml::node* StrictTable::find(std::string_view key) {
  asked_.emplace(key);
  return table_.get(key);
}

Result<std::string> StrictTable::checked(std::string_view key, const toml::node& node) const {
  const auto* value = node.as_string();
  if (value == nullptr) return refuse(key, "is not a string");
  const std::string& text = value->get();
  if (text.empty() || text.size() > kMaxText) {
    return refuse(key, "is empty or longer than " + std::to_string(kMaxText) + " bytes");
  }
  if (std::ranges::any_of(text, is_control)) return refuse(key, "has a control character");
  return text;
}

Result<std::optional<std::string>> StrictTable::optional_text(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  COFFERDAM_TRY(std::string value, checked(key, *node));
  return std::optional(std::move(value));
}

Result<std::string> StrictTable::text(std::string_view key) {
  COFFERDAM_TRY(auto value, optional_text(key));
  if (!value) return refuse(key, "is missing");
  return *std::move(value);
}

Result<std::optional<std::int64_t>> StrictTable::optional_integer(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_integer();
  if (value == nullptr) return refuse(key, "is not an integer");
  return value->get();
}

Result<std::optional<std::string>> StrictTable::optional_lines(std::string_view key,
                                                               std::size_t max_size) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_string();
  if (value == nullptr) return refuse(key, "is not a string");
  const std::string& text = value->get();
  if (text.empty() || text.size() > max_size) {
    return refuse(key, "is empty or longer than " + std::to_string(max_size) + " bytes");
  }
  const auto unprintable = [](char c) {
    return is_control(c) && c != '\t' && c != '\n' && c != '\r';
  };
  if (std::ranges::any_of(text, unprintable)) return refuse(key, "has a control character");
  return std::optional(text);
}

Result<std::int64_t> StrictTable::integer(std::string_view key) {
  COFFERDAM_TRY(const auto value, optional_integer(key));
  if (!value) return refuse(key, "is missing");
  return *value;
}

Result<bool> StrictTable::flag(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return false;
  const auto* value = node->as_boolean();
  if (value == nullptr) return refuse(key, "is neither true nor false");
  return value->get();
}

Result<std::optional<std::vector<std::string>>> StrictTable::optional_texts(std::string_view key,
                                                                            std::size_t max_count) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* values = node->as_array();
  if (values == nullptr) return refuse(key, "is not an array");
  if (values->empty() || values->size() > max_count) {
    return refuse(key, "is empty or has more than " + std::to_string(max_count) + " elements");
  }
  std::vector<std::string> out;
  for (const auto& value : *values) {
    COFFERDAM_TRY(std::string one, checked(key, value));
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::map<std::string, std::string>> StrictTable::text_map(std::string_view key,
                                                                 std::size_t max_count) {
  std::map<std::string, std::string> out;
  const toml::node* node = find(key);
  if (node == nullptr) return out;
  const auto* values = node->as_table();
  if (values == nullptr) return refuse(key, "is not a table");
  if (values->size() > max_count) {
    return refuse(key, "has more than " + std::to_string(max_count) + " pairs");
  }
  for (const auto& [name, value] : *values) {
    if (!is_plain(name.str())) {
      return refuse(key, "has an empty, long or unprintable name");
    }
    COFFERDAM_TRY(std::string one, checked(key, value));
    out.emplace(std::string(name.str()), std::move(one));
  }
  return out;
}

Result<std::optional<StrictTable>> StrictTable::optional_table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* value = node->as_table();
  if (value == nullptr) return refuse(key, "is not a table");
  return StrictTable(*value, under(key), file_);
}

Result<StrictTable> StrictTable::table(std::string_view key) {
  COFFERDAM_TRY(auto value, optional_table(key));
  if (!value) return refuse(key, "is missing: a table");
  return *std::move(value);
}

std::vector<std::string> StrictTable::names() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : table_) out.emplace_back(name.str());
  return out;
}

bool StrictTable::is_table(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node != nullptr && node->is_table();
}

Result<std::vector<StrictTable>> StrictTable::tables(std::string_view key, std::size_t max_count) {
  std::vector<StrictTable> out;
  const toml::node* node = find(key);
  if (node == nullptr) return out;
  const auto* values = node->as_array();
  if (values == nullptr || values->size() > max_count) {
    return refuse(key, "is not an array of at most " + std::to_string(max_count) + " tables");
  }
  for (const auto& value : *values) {
    const auto* one = value.as_table();
    if (one == nullptr) return refuse(key, "holds something else than tables");
    out.emplace_back(*one, under(key) + "[" + std::to_string(out.size()) + "]", file_);
  }
  return out;
}

Status StrictTable::finish() const {
  for (const auto& [key, value] : table_) {
    if (!asked_.contains(key.str())) {
      return fail(Errc::invalid_input,
                  file_ + ": a key nobody knows in " +
                      (place_.empty() ? std::string("the top level") : "[" + place_ + "]") + ": " +
                      std::string(key.str().substr(0, 64)));
    }
  }
  return {};
}

}  // namespace cofferdam
