// SPDX-License-Identifier: Apache-2.0
#include "crypto/pem.h"

#include <algorithm>

#include "base/encoding.h"

namespace cofferdam::crypto {
namespace {

constexpr std::size_t kLineLength = 64;

std::unexpected<Error> bad(std::string_view label, std::string_view what) {
  return fail(Errc::invalid_input,
              "PEM: " + std::string(what) + " (looking for " + std::string(label) + ")");
}

}  // namespace

Result<std::vector<Bytes>> pem_decode_all(std::string_view text, std::string_view label) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  std::vector<Bytes> out;
  while (true) {
    const std::size_t start = text.find(begin);
    if (start == std::string_view::npos) break;
    text.remove_prefix(start + begin.size());
    const std::size_t stop = text.find("-----");
    if (stop == std::string_view::npos || !text.substr(stop).starts_with(end)) {
      return bad(label, "block without its end line");
    }
    std::string digits(text.substr(0, stop));
    std::erase_if(digits, [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; });
    auto der = from_base64(digits);
    if (!der || der->empty()) return bad(label, "block is not base64");
    out.push_back(*std::move(der));
    text.remove_prefix(stop + end.size());
  }
  if (out.empty()) return bad(label, "no such block");
  return out;
}

Result<Bytes> pem_decode(std::string_view text, std::string_view label) {
  COFFERDAM_TRY(auto blocks, pem_decode_all(text, label));
  if (blocks.size() != 1) return bad(label, "more than one block");
  return std::move(blocks.front());
}

std::string pem_encode(std::string_view label, ByteView der) {
  const std::string digits = to_base64(der);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t at = 0; at < digits.size(); at += kLineLength) {
    out += digits.substr(at, kLineLength) + '\n';
  }
  return out + "-----END " + std::string(label) + "-----\n";
}

}  // namespace cofferdam::crypto
