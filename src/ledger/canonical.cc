// SPDX-License-Identifier: Apache-2.0
#include "ledger/canonical.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bytes/utf8.h"

namespace cofferdam::ledger {
namespace {

constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;

std::unexpected<Error> refused(std::string_view what) {
  return fail(Errc::invalid_input, "no canonical JSON: " + std::string(what));
}

Status write(const json::value& value, std::string& out);

Status write_text(std::string_view text, std::string& out) {
  if (!is_utf8(text)) return refused("text that is not UTF-8");
  out += json::serialize(json::string(text));
  return {};
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Status write_object(const json::object& object, std::string& out) {
  std::vector<const json::object::value_type*> members;
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(members, {},
                    [](const auto* member) { return std::string_view(member->key()); });
  char separator = '{';
  for (const auto* const member : members) {
    if (!is_ascii(member->key())) return refused("a member name that is not ASCII");
    out += separator;
    COFFERDAM_CHECK(write_text(member->key(), out));
    out += ':';
    COFFERDAM_CHECK(write(member->value(), out));
    separator = ',';
  }
  if (members.empty()) out += '{';
  out += '}';
  return {};
}

Status write_array(const json::array& array, std::string& out) {
  char separator = '[';
  for (const json::value& element : array) {
    out += separator;
    COFFERDAM_CHECK(write(element, out));
    separator = ',';
  }
  if (array.empty()) out += '[';
  out += ']';
  return {};
}

Status write_integer(std::int64_t value, std::string& out) {
  if (value > kMaxInteger || value < -kMaxInteger) return refused("an integer beyond 2^53 - 1");
  out += std::to_string(value);
  return {};
}

Status write(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      return {};
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return {};
    case json::kind::int64:
      return write_integer(value.get_int64(), out);
    case json::kind::uint64:
      if (value.get_uint64() > static_cast<std::uint64_t>(kMaxInteger)) {
        return refused("an integer beyond 2^53 - 1");
      }
      return write_integer(static_cast<std::int64_t>(value.get_uint64()), out);
    case json::kind::double_:
      return refused("a number that is not an integer");
    case json::kind::string:
      return write_text(value.get_string(), out);
    case json::kind::array:
      return write_array(value.get_array(), out);
    case json::kind::object:
      return write_object(value.get_object(), out);
  }
  return refused("a value of no kind");
}

}  // namespace

Result<std::string> canonical_json(const json::value& value) {
  std::string out;
  COFFERDAM_CHECK(write(value, out));
  return out;
}

}  // namespace cofferdam::ledger
