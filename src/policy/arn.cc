// SPDX-License-Identifier: Apache-2.0
#include "policy/arn.h"

#include <algorithm>
#include <array>

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxSize = 2048;
constexpr std::size_t kFixedParts = 5;

}  // namespace

Result<Arn> parse_arn(std::string_view text) {
  if (text.size() > kMaxSize) return fail(Errc::invalid_input, "ARN of more than 2048 characters");
  std::array<std::string_view, kFixedParts> parts;
  for (auto& part : parts) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      return fail(Errc::invalid_input, "ARN with fewer than six parts");
    }
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || parts[1].empty() || parts[2].empty() || text.empty()) {
    return fail(Errc::invalid_input,
                "not an ARN: expected arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE");
  }
  return Arn{.partition = std::string(parts[1]),
             .service = std::string(parts[2]),
             .region = std::string(parts[3]),
             .account = std::string(parts[4]),
             .resource = std::string(text)};
}

bool is_account_id(std::string_view text) noexcept {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace cofferdam::policy
