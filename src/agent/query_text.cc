// SPDX-License-Identifier: Apache-2.0
#include "agent/query_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "bytes/utf8.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxTarget = 4096;
constexpr std::size_t kMaxParameters = 16;

std::unexpected<Error> refused(std::string_view why) {
  return fail(Errc::invalid_input, "the address of the request " + std::string(why));
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      const auto byte = from_hex(text.substr(i + 1, 2));
      if (!byte || byte->size() != 1) return refused("has a broken percent escape");
      out.push_back(static_cast<char>(byte->front()));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; };
  if (!is_utf8(out) || std::ranges::any_of(out, is_control)) {
    return refused("has control characters or is not UTF-8");
  }
  return out;
}

}  // namespace

Result<Target> Target::parse(std::string_view text) {
  if (text.size() > kMaxTarget) return refused("is too long");
  Target out;
  const std::size_t mark = text.find('?');
  COFFERDAM_TRY(out.path, decode(text.substr(0, mark), /*plus_is_space=*/false));
  if (mark == text.npos) return out;
  std::string_view rest = text.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos) return refused("has a parameter without a value");
    COFFERDAM_TRY(std::string name, decode(pair.substr(0, equals), /*plus_is_space=*/true));
    COFFERDAM_TRY(std::string value, decode(pair.substr(equals + 1), /*plus_is_space=*/true));
    if (!out.query.emplace(std::move(name), std::move(value)).second) {
      return refused("has a parameter twice");
    }
    if (out.query.size() > kMaxParameters) return refused("has too many parameters");
  }
  return out;
}

Result<std::uint64_t> required_number(const Target& target, std::string_view name) {
  const auto found = target.query.find(name);
  if (found == target.query.end()) {
    return refused("lacks the parameter " + std::string(name) + ", a number");
  }
  std::uint64_t out = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, out);
  if (error != std::errc() || stop != end) {
    return refused("has a " + std::string(name) + " that is not a number");
  }
  return out;
}

}  // namespace cofferdam::agent
