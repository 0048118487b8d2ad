// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "aws/credential_provider.h"
#include "base/json_secrets.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
constexpr std::array<std::string_view, 1> kSecretNames{"SecretAccessKey"};

// AWS's identifiers, keys and tokens are made of such characters; none needs escaping.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

Secret concatenate(const std::vector<std::string_view>& parts) {
  const std::size_t size =
      std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                      [](std::size_t sum, std::string_view part) { return sum + part.size(); });
  Secret whole(size);
  auto out = whole.reveal_mut().begin();
  for (const std::string_view part : parts) out = std::ranges::copy(as_bytes(part), out).out;
  return whole;
}

}  // namespace

Result<IssuedCredentials> parse_issued_credentials(ByteView json) {
  COFFERDAM_TRY(auto parsed, parse_json_with_secrets(as_text(json), kMaxSize, kSecretNames));
  if (!parsed.value.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
  const json::object& object = parsed.value.get_object();
  COFFERDAM_TRY(const auto code, optional_string(object, "Code"));
  if (code && *code != "Success") {
    return fail(Errc::unavailable, "the issuer has no credentials now");
  }
  IssuedCredentials out;
  COFFERDAM_TRY(out.credentials.access_key_id, required_string(object, "AccessKeyId"));
  COFFERDAM_TRY(const auto token, optional_string(object, "Token"));
  COFFERDAM_TRY(const auto expiration, optional_string(object, "Expiration"));
  const auto secret = parsed.secrets.find("SecretAccessKey");
  if (secret == parsed.secrets.end()) {
    return fail(Errc::invalid_input, "expected a text \"SecretAccessKey\"");
  }
  out.credentials.secret_access_key = std::move(secret->second);
  out.credentials.session_token = token.value_or("");
  if (expiration) {
    COFFERDAM_TRY(out.expires, parse_rfc3339(*expiration));
  }
  return out;
}

Result<Secret> issued_credentials_json(const IssuedCredentials& issued) {
  const Credentials& keys = issued.credentials;
  const std::string_view secret = as_text(keys.secret_access_key.reveal());
  if (!is_plain(keys.access_key_id) || !is_plain(secret) || !is_plain(keys.session_token)) {
    return fail(Errc::invalid_input, "the credentials hold characters that no AWS key has");
  }
  const std::string expires = issued.expires ? format_rfc3339(*issued.expires) : "";
  std::vector<std::string_view> parts{R"({"AccessKeyId":")", keys.access_key_id,
                                      R"(","SecretAccessKey":")", secret};
  if (!keys.session_token.empty()) {
    parts.insert(parts.end(), {R"(","Token":")", keys.session_token});
  }
  if (issued.expires) parts.insert(parts.end(), {R"(","Expiration":")", expires});
  parts.emplace_back(R"("})");
  return concatenate(parts);
}

}  // namespace cofferdam::aws
