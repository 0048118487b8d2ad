// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/parameters.h"
#include "cloud/query_form.h"

namespace cofferdam::cloud {

// Which characters a member may have.
enum class Charset : std::uint8_t {
  any,
  name,         // [\w+=,.@-]: names of entities and sessions.
  word,         // [\w]: identifiers.
  external_id,  // [\w+=,.@:\/-]
  path,         // "/" or "/.../" of printable ASCII.
  document,     // Policies: tabs, line ends and printable Latin-1.
};

// The members of a Query request: "UserName", "Tags.member.1.Key". What is out of bounds is
// ValidationError in AWS's words. Borrows the form.
class QueryParameters {
 public:
  explicit QueryParameters(const QueryForm& form) : form_(form) {}

  Result<std::string> text(std::string_view name, Bounds characters,
                           Charset charset = Charset::any) const;
  Result<std::optional<std::string>> optional_text(std::string_view name, Bounds characters,
                                                   Charset charset = Charset::any) const;
  Result<std::optional<std::int64_t>> optional_integer(std::string_view name, std::int64_t min,
                                                       std::int64_t max) const;
  Result<bool> flag(std::string_view name) const;
  // NAME.member.1, NAME.member.2, ... without a gap; `field` is what follows: ".arn".
  Result<std::vector<std::string>> list(std::string_view name, Bounds characters,
                                        std::string_view field = {}) const;
  // Key and Value of each member, at most 50. Keys are compared without regard to case.
  Result<std::map<std::string, std::string>> tags(std::string_view name) const;
  bool has(std::string_view name) const { return form_.contains(name); }
  const QueryForm& form() const noexcept { return form_; }

 private:
  const QueryForm& form_;
};

}  // namespace cofferdam::cloud
