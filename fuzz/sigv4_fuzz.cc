// SPDX-License-Identifier: Apache-2.0
// No request that was not signed here verifies; every request that can be signed does.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "aws/sigv4.h"

namespace {

using namespace cofferdam;

constexpr std::size_t kMaxHeaders = 32;

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  const auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

// METHOD, target, "Name:value" lines, an empty line, the body.
net::HttpRequest parse(std::string_view rest) {
  net::HttpRequest out;
  out.method = take_line(rest);
  out.target = take_line(rest);
  for (auto line = take_line(rest); !line.empty(); line = take_line(rest)) {
    const auto colon = std::min(line.find(':'), line.size());
    const auto name = line.substr(0, colon);
    if (!is_token(name) || out.headers.size() == kMaxHeaders) continue;
    out.headers.emplace_back(name, line.substr(std::min(colon + 1, line.size())));
  }
  out.body = to_bytes(rest);
  return out;
}

bool verifies(const net::HttpRequest& request, const Secret& secret, Timestamp now) {
  const auto claim = aws::parse_signature(request);
  return claim && aws::verify_signature(request, *claim, secret, now).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const aws::Credentials credentials{
      .access_key_id = "AKIDEXAMPLE",
      .secret_access_key = Secret::copy_of(as_bytes("fuzz secret")),
      .session_token = "token"};
  static const Timestamp now = parse_rfc3339("2026-01-31T09:05:00Z").value();

  auto request = parse(as_text({data, size}));
  const auto claim = aws::parse_signature(request);
  const Timestamp then = claim ? claim->signed_at : now;
  if (verifies(request, credentials.secret_access_key, then)) std::abort();

  // A target that already carries signing parameters would be signed twice.
  if (request.target.find("X-Amz-") != std::string::npos ||
      request.target.find('%') != std::string::npos) {
    return 0;
  }
  const aws::SigningScope scope{.region = "us-east-1", .service = "kms"};
  if (!aws::sign_request(request, credentials, scope, now)) return 0;
  if (!verifies(request, credentials.secret_access_key, now)) std::abort();
  return 0;
}
