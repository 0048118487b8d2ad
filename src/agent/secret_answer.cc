// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_answer.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <optional>
#include <string>

#include "base/byte_view.h"
#include "bytes/utf8.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// What may not stand in a JSON string as it is. Two characters each, but for controls.
bool is_escaped(std::uint8_t c) noexcept { return c < 0x20 || c == '"' || c == '\\'; }

std::size_t escaped_size(std::uint8_t c) noexcept {
  if (c < 0x20) return 6;
  return is_escaped(c) ? 2 : 1;
}

void append(Bytes& out, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

net::HttpResponse private_response(std::string_view content_type) {
  net::HttpResponse out;
  out.headers.emplace_back("Content-Type", content_type);
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

}  // namespace

net::HttpResponse secret_json_response(std::string_view content_type, const json::object& members,
                                       const std::vector<SecretMember>& secrets) {
  const std::string known = json::serialize(members);
  std::size_t size = known.size();
  for (const SecretMember& one : secrets) size += one.name.size() + one.json_text.size() + 6;
  net::HttpResponse out = private_response(content_type);
  out.body.reserve(size);
  append(out.body, std::string_view(known).substr(0, known.size() - 1));
  bool first = members.empty();
  for (const SecretMember& one : secrets) {
    append(out.body, first ? "\"" : ",\"");
    append(out.body, one.name);
    append(out.body, "\":\"");
    const ByteView text = one.json_text.reveal();
    out.body.insert(out.body.end(), text.begin(), text.end());
    append(out.body, "\"");
    first = false;
  }
  append(out.body, "}");
  return out;
}

net::HttpResponse secret_bytes_response(const Secret& secret) {
  net::HttpResponse out = private_response("application/octet-stream");
  out.body = to_bytes(secret.reveal());
  return out;
}

std::optional<Secret> json_escaped(const Secret& text) {
  const ByteView in = text.reveal();
  if (!is_utf8(as_text(in))) return std::nullopt;
  std::size_t size = 0;
  for (const std::uint8_t c : in) size += escaped_size(c);
  Secret out(size);
  auto at = out.reveal_mut().begin();
  const auto put = [&at](char c) { *at++ = static_cast<std::uint8_t>(c); };
  for (const std::uint8_t c : in) {
    if (!is_escaped(c)) {
      *at++ = c;
    } else if (c < 0x20) {
      for (const char one : std::string_view("\\u00")) put(one);
      put(kHex[c >> 4]);
      put(kHex[c & 0x0F]);
    } else {
      put('\\');
      *at++ = c;
    }
  }
  return out;
}

}  // namespace cofferdam::agent
