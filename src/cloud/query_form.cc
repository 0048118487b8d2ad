// SPDX-License-Identifier: Apache-2.0
#include "cloud/query_form.h"

#include <algorithm>

#include "base/encoding.h"
#include "bytes/utf8.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxParameters = 256;

Result<std::string> unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const std::size_t special = std::min(text.find_first_of("+%"), text.size());
    plain += text.substr(0, special);
    text.remove_prefix(special);
    if (text.empty()) break;
    if (text.front() == '+') {
      plain += ' ';
      text.remove_prefix(1);
      continue;
    }
    const auto byte = from_hex(text.substr(1, 2));
    if (!byte || byte->size() != 1) return fail(Errc::invalid_input, "query: broken escape");
    plain += as_text(*byte);
    text.remove_prefix(3);
  }
  if (!is_utf8(plain)) return fail(Errc::invalid_input, "query: not UTF-8");
  return plain;
}

Status add_parameter(std::string_view pair, QueryForm& form) {
  const std::size_t equals = pair.find('=');
  COFFERDAM_TRY(std::string name, unescape(pair.substr(0, equals)));
  std::string value;
  if (equals != std::string_view::npos) {
    COFFERDAM_TRY(value, unescape(pair.substr(equals + 1)));
  }
  if (form.size() == kMaxParameters) return fail(Errc::invalid_input, "query: too many parameters");
  if (!form.emplace(std::move(name), std::move(value)).second) {
    return fail(Errc::invalid_input, "query: a parameter occurs twice");
  }
  return {};
}

std::string escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const std::uint8_t byte : as_bytes(text)) {
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                            byte == '_' || byte == '~';
    if (unreserved) {
      escaped += static_cast<char>(byte);
    } else {
      escaped += {'%', kDigits[byte >> 4], kDigits[byte & 0x0f]};
    }
  }
  return escaped;
}

}  // namespace

Result<QueryForm> parse_query_form(std::string_view text) {
  if (text.size() > kMaxSize) return fail(Errc::invalid_input, "query: too long");
  QueryForm form;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    if (!pair.empty()) COFFERDAM_CHECK(add_parameter(pair, form));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return form;
}

std::string to_text(const QueryForm& form) {
  std::string text;
  for (const auto& [name, value] : form) {
    if (!text.empty()) text += '&';
    text += escape(name) + "=" + escape(value);
  }
  return text;
}

}  // namespace cofferdam::cloud
