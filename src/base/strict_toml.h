// SPDX-License-Identifier: Apache-2.0
#pragma once

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
// toml++ tells the optimizer in release builds that keys begin with the right character, and
// only then checks it (found by agent_config_fuzz with "[!]"): undefined behaviour for input
// that is merely wrong. Without the promise, the check that follows refuses it.
#if __has_include(<toml++/impl/preprocessor.hpp>)
#include <toml++/impl/preprocessor.hpp>
#else
#include <toml++/impl/preprocessor.h>
#endif
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expression) static_assert(true)
#include <toml++/toml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// For sources that read TOML only: toml++ stays out of every header that others include.
namespace cofferdam {

// 1 to 2048 bytes without control characters: what a text or a name may be.
bool is_plain(std::string_view text);

// TOML of plain ASCII. Errc::invalid_input names `file`, and the line where there is one.
//
// ASCII, because a reviewer must see what a file says, without look-alike letters or text
// that runs backwards. It also keeps what toml++ 3.3 gets wrong about Unicode out of reach
// (found by agent_config_fuzz). Strings may hold any character as \uXXXX.
Result<toml::table> parse_toml(std::string_view text, std::size_t max_size, const std::string& file);

// One table of a configuration, read strictly: each getter notes the key it looked for,
// and finish() refuses whatever was not asked for. Borrows the table.
class StrictTable {
 public:
  // `file` is for messages.
  StrictTable(const toml::table& table, std::string place, std::string file = "agent.toml")
      : table_(table), place_(std::move(place)), file_(std::move(file)) {}

  // Texts are 1 to `kMaxText` bytes without control characters.
  Result<std::string> text(std::string_view key);
  Result<std::optional<std::string>> optional_text(std::string_view key);
  // Text of several lines: tabs and line ends are let through, and the bound is the caller's.
  Result<std::optional<std::string>> optional_lines(std::string_view key, std::size_t max_size);
  Result<std::int64_t> integer(std::string_view key);
  Result<std::optional<std::int64_t>> optional_integer(std::string_view key);
  Result<bool> flag(std::string_view key);  // False where it is absent.
  // Never empty where it is there.
  Result<std::optional<std::vector<std::string>>> optional_texts(std::string_view key,
                                                                 std::size_t max_count);
  Result<std::map<std::string, std::string>> text_map(std::string_view key, std::size_t max_count);
  Result<StrictTable> table(std::string_view key);
  Result<std::optional<StrictTable>> optional_table(std::string_view key);
  // For tables whose keys are data: what is there, and whether a value is a table.
  std::vector<std::string> names() const;
  bool is_table(std::string_view key) const;
  // Zero or more tables under [[key]].
  Result<std::vector<StrictTable>> tables(std::string_view key, std::size_t max_count);

  Status finish() const;

  [[nodiscard]] std::unexpected<Error> refuse(std::string_view key, std::string_view why) const;

 private:
  const toml::node* find(std::string_view key);
  std::string under(std::string_view key) const;
  Result<std::string> checked(std::string_view key, const toml::node& node) const;

  const toml::table& table_;
  std::string place_;
  std::string file_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace cofferdam
