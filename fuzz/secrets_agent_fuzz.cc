// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/query_text.h"
#include "agent/secrets_agent.h"

namespace {

using namespace cofferdam;

// Every byte as an escape: another spelling of the same text.
std::string escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 0x0F]};
  }
  return out;
}

}  // namespace

// A query that was understood names a secret, has no control characters, and means the same
// when it is spelled another way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view target = as_text(ByteView(data, size));
  const auto query = agent::SecretsAgentQuery::parse(target);
  if (!query) return 0;
  if (query->secret_id.empty()) std::abort();
  if (std::ranges::any_of(query->secret_id, [](char c) { return c >= 0 && c < 0x20; }))
    std::abort();
  std::string again = "/secretsmanager/get?secretId=" + escape(query->secret_id);
  if (query->version_id) again += "&versionId=" + escape(*query->version_id);
  if (query->version_stage) again += "&versionStage=" + escape(*query->version_stage);
  if (query->refresh_now) again += "&refreshNow=1";
  const auto same = agent::SecretsAgentQuery::parse(again);
  if (!same) {
    if (again.size() > 4096) return 0;  // Escapes make it longer than a target may be.
    std::abort();
  }
  if (same->secret_id != query->secret_id || same->version_id != query->version_id ||
      same->version_stage != query->version_stage || same->refresh_now != query->refresh_now) {
    std::abort();
  }
  return 0;
}
