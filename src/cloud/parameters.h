// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/json_secrets.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::cloud {

// How long a member may be, in the unit of its type.
struct Bounds {
  std::size_t min = 0;
  std::size_t max = std::numeric_limits<std::size_t>::max();
};

// The members of a JSON 1.1 request. Borrows the object. A member of the wrong JSON type
// is SerializationException; one out of bounds is ValidationException in AWS's words.
// Absent and null mean the same. Unknown members are ignored, as AWS does.
class Parameters {
 public:
  // `path` goes before member names in messages: "recipient.". `secrets` has the texts that
  // parse_json_with_secrets kept out of the members.
  explicit Parameters(json::object& members, std::string path = {},
                      const JsonSecrets* secrets = nullptr)
      : members_(&members), path_(std::move(path)), secrets_(secrets) {}

  Result<std::string> text(std::string_view name, Bounds characters) const;
  Result<std::optional<std::string>> optional_text(std::string_view name, Bounds characters) const;
  // One of a few words; `otherwise` when absent.
  Result<std::string> choice(std::string_view name, std::span<const std::string_view> words,
                             std::string_view otherwise) const;
  Result<std::string> required_choice(std::string_view name,
                                      std::span<const std::string_view> words) const;
  Result<Bytes> blob(std::string_view name, Bounds bytes) const;
  // A blob that is secret: one of the members that its service names as such.
  Result<Secret> secret_blob(std::string_view name, Bounds bytes) const;
  // A text that is secret, likewise.
  Result<std::optional<Secret>> optional_secret_text(std::string_view name, Bounds bytes) const;
  bool has_secret(std::string_view name) const noexcept {
    return secrets_ != nullptr && secrets_->contains(name);
  }
  Result<std::optional<std::int64_t>> optional_integer(std::string_view name, std::int64_t min,
                                                       std::int64_t max) const;
  Result<bool> flag(std::string_view name) const;
  Result<std::map<std::string, std::string>> text_map(std::string_view name) const;
  // Empty when absent. Every text within `characters`.
  Result<std::vector<std::string>> text_list(std::string_view name, Bounds characters) const;
  Result<std::vector<Parameters>> object_list(std::string_view name) const;
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  Result<std::optional<Parameters>> optional_object(std::string_view name) const;

 private:
  json::value* find(std::string_view name) const noexcept;
  Result<json::array*> find_array(std::string_view name) const;
  Result<json::string*> find_string(std::string_view name) const;
  std::string location(std::string_view name) const;
  Status check_length(std::string_view name, std::string_view value, std::size_t length,
                      Bounds bounds) const;

  json::object* members_;
  std::string path_;
  const JsonSecrets* secrets_;
};

}  // namespace cofferdam::cloud
