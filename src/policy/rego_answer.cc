// SPDX-License-Identifier: Apache-2.0
#include "policy/rego_answer.h"

#include <algorithm>

#include "base/printable.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxRuleSize = 4096;
constexpr std::size_t kMaxReasons = 16;
constexpr std::size_t kMaxReasonSize = 256;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_part(std::string_view part) {
  return !part.empty() && is_letter(part.front()) &&
         std::ranges::all_of(part, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::vector<std::string> texts_of(const json::value* value) {
  std::vector<std::string> out;
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string() || out.size() == kMaxReasons) continue;
    const std::string_view text = item.get_string();
    out.push_back(printable(text.substr(0, kMaxReasonSize)));
  }
  return out;
}

}  // namespace

Status check_rule(std::string_view rule) {
  constexpr std::string_view kRoot = "data.";
  bool good = rule.starts_with(kRoot) && rule.size() <= kMaxRuleSize;
  for (std::string_view rest = rule; good && !rest.empty();) {
    const std::size_t dot = rest.find('.');
    good = is_part(rest.substr(0, dot)) && dot + 1 != rest.size();
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  if (good) return {};
  return fail(Errc::invalid_input, kPolicyError,
              "expected a rule such as data.cofferdam.release.allow");
}

RegoAnswer answer_of(const json::value* value, const json::value* reasons) {
  RegoAnswer out;
  if (value == nullptr) {
    out.reason = "policy_undefined";
  } else if (!value->is_bool()) {
    out.reason = "policy_not_boolean";
  } else if (!value->get_bool()) {
    out.reason = "policy_denied";
  } else {
    out.allow = true;
    return out;
  }
  out.reasons = texts_of(reasons);
  return out;
}

}  // namespace cofferdam::policy
