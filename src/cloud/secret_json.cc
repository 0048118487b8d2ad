// SPDX-License-Identifier: Apache-2.0
#include "cloud/secret_json.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kFirstSize = 512;

bool needs_escape(std::uint8_t byte) noexcept { return byte < 0x20 || byte == '"' || byte == '\\'; }

}  // namespace

void SecretJson::append(ByteView bytes) {
  if (buffer_.size() - size_ < bytes.size()) {
    Secret larger(std::max({kFirstSize, 2 * buffer_.size(), size_ + bytes.size()}));
    std::ranges::copy(buffer_.reveal().first(size_), larger.reveal_mut().begin());
    buffer_ = std::move(larger);
  }
  std::ranges::copy(bytes, buffer_.reveal_mut().subspan(size_).begin());
  size_ += bytes.size();
}

SecretJson& SecretJson::raw(std::string_view json) {
  append(as_bytes(json));
  return *this;
}

SecretJson& SecretJson::text(const Secret& utf8) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  raw("\"");
  ByteView rest = utf8.reveal();
  while (!rest.empty()) {
    const auto plain = std::ranges::find_if(rest, needs_escape) - rest.begin();
    append(rest.first(static_cast<std::size_t>(plain)));
    rest = rest.subspan(static_cast<std::size_t>(plain));
    if (rest.empty()) break;
    const std::uint8_t byte = rest.front();
    rest = rest.subspan(1);
    const std::array<char, 6> escaped{
        '\\', 'u', '0', '0', kDigits[byte >> 4U], kDigits[byte & 15U]};
    raw({escaped.data(), escaped.size()});
  }
  return raw("\"");
}

SecretJson& SecretJson::base64(const Secret& bytes) {
  raw("\"");
  append(secret_to_base64(bytes).reveal());
  return raw("\"");
}

SecretJson& SecretJson::object_with(const json::object& members, std::string_view name) {
  std::string head = json::serialize(members);
  head.pop_back();  // The closing brace.
  if (!members.empty()) head += ',';
  return raw(head).raw("\"").raw(name).raw("\":");
}

Secret SecretJson::take() && { return std::move(buffer_).truncated(size_); }

}  // namespace cofferdam::cloud
