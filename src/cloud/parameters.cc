// SPDX-License-Identifier: Apache-2.0
#include "cloud/parameters.h"

#include <algorithm>

#include "base/encoding.h"
#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

std::unexpected<Error> wrong_type(std::string_view name, std::string_view expected) {
  return fail(Errc::invalid_input, api::kSerialization,
              "The member " + std::string(name) + " must be " + std::string(expected) + ".");
}

// A value for a message: short ones as they are, long ones not at all.
std::string quoted(std::string_view value) {
  constexpr std::size_t kLongest = 128;
  return value.size() <= kLongest ? "'" + std::string(value) + "'" : "too long to show";
}

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

// Encoded text longer than this cannot hold `size` bytes.
std::size_t base64_size(std::size_t size) { return (size + 2) / 3 * 4; }

}  // namespace

json::value* Parameters::find(std::string_view name) const noexcept {
  json::value* value = members_->if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<json::string*> Parameters::find_string(std::string_view name) const {
  json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_string()) return wrong_type(location(name), "text");
  return &value->get_string();
}

// "KeyId" is at 'keyId', one inside Recipient at 'recipient.attestationDocument'.
std::string Parameters::location(std::string_view name) const {
  std::string text(name);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return path_ + text;
}

Status Parameters::check_length(std::string_view name, std::string_view value, std::size_t length,
                                Bounds bounds) const {
  if (length < bounds.min) {
    return api::invalid_parameter(
        value, location(name),
        "Member must have length greater than or equal to " + std::to_string(bounds.min));
  }
  if (length > bounds.max) {
    return api::invalid_parameter(
        value, location(name),
        "Member must have length less than or equal to " + std::to_string(bounds.max));
  }
  return {};
}

Result<std::optional<std::string>> Parameters::optional_text(std::string_view name,
                                                             Bounds characters) const {
  COFFERDAM_TRY(const json::string* found, find_string(name));
  if (found == nullptr) return std::optional<std::string>();
  COFFERDAM_CHECK(check_length(name, quoted(*found), found->size(), characters));
  return std::string(*found);
}

Result<std::string> Parameters::text(std::string_view name, Bounds characters) const {
  COFFERDAM_TRY(auto value, optional_text(name, characters));
  if (!value) return api::invalid_parameter("null", location(name), "Member must not be null");
  return *std::move(value);
}

Result<std::string> Parameters::choice(std::string_view name,
                                       std::span<const std::string_view> words,
                                       std::string_view otherwise) const {
  COFFERDAM_TRY(const json::string* found, find_string(name));
  if (found == nullptr) return std::string(otherwise);
  if (std::ranges::find(words, std::string_view(*found)) == words.end()) {
    return api::invalid_parameter(quoted(*found), location(name),
                                  "Member must satisfy enum value set: [" + join(words) + "]");
  }
  return std::string(*found);
}

Result<std::string> Parameters::required_choice(std::string_view name,
                                                std::span<const std::string_view> words) const {
  COFFERDAM_TRY(std::string word, choice(name, words, ""));
  if (!word.empty()) return word;
  return api::invalid_parameter("null", location(name), "Member must not be null");
}

Result<json::array*> Parameters::find_array(std::string_view name) const {
  json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) return wrong_type(location(name), "a list");
  return &value->get_array();
}

Result<std::vector<std::string>> Parameters::text_list(std::string_view name,
                                                       Bounds characters) const {
  std::vector<std::string> texts;
  COFFERDAM_TRY(const json::array* found, find_array(name));
  if (found == nullptr) return texts;
  for (const json::value& item : *found) {
    if (!item.is_string()) return wrong_type(location(name), "a list of texts");
    const json::string& text = item.get_string();
    COFFERDAM_CHECK(check_length(name, quoted(text), text.size(), characters));
    texts.emplace_back(text);
  }
  return texts;
}

Result<std::vector<Parameters>> Parameters::object_list(std::string_view name) const {
  std::vector<Parameters> objects;
  COFFERDAM_TRY(json::array* const found, find_array(name));
  if (found == nullptr) return objects;
  for (json::value& item : *found) {
    if (!item.is_object()) return wrong_type(location(name), "a list of objects");
    objects.emplace_back(item.get_object(), location(name) + ".");
  }
  return objects;
}

Result<Bytes> Parameters::blob(std::string_view name, Bounds bytes) const {
  COFFERDAM_TRY(const json::string* found, find_string(name));
  if (found == nullptr) {
    return api::invalid_parameter("null", location(name), "Member must not be null");
  }
  auto decoded = from_base64(*found);
  if (!decoded) return wrong_type(location(name), "base64");
  COFFERDAM_CHECK(check_length(name, /*value=*/"", decoded->size(), bytes));
  return decoded;
}

Result<Secret> Parameters::secret_blob(std::string_view name, Bounds bytes) const {
  const auto found = secrets_ == nullptr ? JsonSecrets::const_iterator() : secrets_->find(name);
  if (secrets_ == nullptr || found == secrets_->end()) {
    if (find(name) != nullptr) return wrong_type(location(name), "text");
    return api::invalid_parameter("null", location(name), "Member must not be null");
  }
  const std::string_view text = as_text(found->second.reveal());
  // Locked memory is scarce: refuse before decoding into it.
  if (text.size() > base64_size(bytes.max)) {
    COFFERDAM_CHECK(check_length(name, /*value=*/"", text.size(), bytes));
  }
  auto decoded = secret_from_base64(text);
  if (!decoded) return wrong_type(location(name), "base64");
  COFFERDAM_CHECK(check_length(name, /*value=*/"", decoded->size(), bytes));
  return decoded;
}

Result<std::optional<Secret>> Parameters::optional_secret_text(std::string_view name,
                                                               Bounds bytes) const {
  if (!has_secret(name)) {
    if (find(name) != nullptr) return wrong_type(location(name), "text");
    return std::optional<Secret>();
  }
  const Secret& text = secrets_->find(name)->second;
  COFFERDAM_CHECK(check_length(name, /*value=*/"", text.size(), bytes));
  return std::optional(text.clone());
}

Result<std::optional<std::int64_t>> Parameters::optional_integer(std::string_view name,
                                                                 std::int64_t min,
                                                                 std::int64_t max) const {
  const json::value* value = find(name);
  if (value == nullptr) return std::optional<std::int64_t>();
  boost::system::error_code not_whole;
  const auto number = value->to_number<std::int64_t>(not_whole);
  if (not_whole) return wrong_type(location(name), "a whole number");
  if (number < min) {
    return api::invalid_parameter(
        "'" + std::to_string(number) + "'", location(name),
        "Member must have value greater than or equal to " + std::to_string(min));
  }
  if (number > max) {
    return api::invalid_parameter(
        "'" + std::to_string(number) + "'", location(name),
        "Member must have value less than or equal to " + std::to_string(max));
  }
  return std::optional(number);
}

Result<bool> Parameters::flag(std::string_view name) const {
  const json::value* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_bool()) return wrong_type(location(name), "true or false");
  return value->get_bool();
}

Result<std::map<std::string, std::string>> Parameters::text_map(std::string_view name) const {
  std::map<std::string, std::string> result;
  const json::value* value = find(name);
  if (value == nullptr) return result;
  if (!value->is_object()) return wrong_type(location(name), "an object");
  for (const auto& member : value->get_object()) {
    if (!member.value().is_string()) return wrong_type(location(name), "an object of texts");
    result.emplace(member.key(), member.value().get_string());
  }
  return result;
}

Result<std::optional<Parameters>> Parameters::optional_object(std::string_view name) const {
  json::value* value = find(name);
  if (value == nullptr) return std::optional<Parameters>();
  if (!value->is_object()) return wrong_type(location(name), "an object");
  return std::optional(Parameters(value->get_object(), location(name) + "."));
}

}  // namespace cofferdam::cloud
