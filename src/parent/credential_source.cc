// SPDX-License-Identifier: Apache-2.0
#include "parent/credential_source.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxCredentialSize = std::size_t{16} * 1024;

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// AWS's identifiers, keys and tokens are all made of such characters; none needs escaping.
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

Result<CredentialSource> CredentialSource::environment() {
  const std::string_view id = variable("AWS_ACCESS_KEY_ID");
  const std::string_view key = variable("AWS_SECRET_ACCESS_KEY");
  const std::string_view token = variable("AWS_SESSION_TOKEN");
  if (id.empty() || key.empty()) {
    return fail(Errc::not_found,
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: set them or give "
                "--credentials FILE");
  }
  if (!is_plain(id) || !is_plain(key) || !is_plain(token)) {
    return fail(Errc::invalid_input, "the AWS_… variables hold characters that no AWS key has");
  }
  std::vector<std::string_view> parts{R"({"AccessKeyId":")", id, R"(","SecretAccessKey":")", key};
  if (!token.empty()) parts.insert(parts.end(), {R"(","Token":")", token});
  parts.emplace_back(R"("})");
  return CredentialSource(concatenate(parts));
}

Result<Secret> CredentialSource::read() const {
  if (const auto* json = std::get_if<Secret>(&source_)) return json->clone();
  return read_secret_file(std::get<std::filesystem::path>(source_), kMaxCredentialSize);
}

}  // namespace cofferdam::parent
