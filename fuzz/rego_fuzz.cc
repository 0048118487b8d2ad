// SPDX-License-Identifier: Apache-2.0
// A policy and an input, separated by a zero byte: whatever they are, there is an answer in time,
// twice the same, and "allow" only where the rule is true. The interpreter itself is not
// instrumented; its crashes and hangs are seen all the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/rego.h"

namespace {

using namespace cofferdam;
using namespace cofferdam::policy;

constexpr std::size_t kMaxSize = std::size_t{4} * 1024;
// Small, since a thread that has to be suspended keeps what it holds.
constexpr RegoLimits kLimits{.time = std::chrono::milliseconds(50),
                             .memory = std::size_t{2} * 1024 * 1024,
                             .output = std::size_t{64} * 1024};
constexpr std::string_view kRule = "data.p.allow";

// Then a second evaluation may end otherwise.
bool out_of_resources(const Error& error) {
  return error.reason == kPolicyTimeout || error.reason == kPolicyMemory ||
         error.reason == kPolicyStopped;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxSize) return 0;
  const std::string_view all = as_text(ByteView(data, size));
  const std::size_t zero = all.find('\0');
  const std::string_view text = all.substr(0, zero);
  const std::string_view rest = zero == std::string_view::npos ? "null" : all.substr(zero + 1);
  const auto input = parse_json(rest, kMaxSize);
  if (!input) return 0;
  const auto policy = RegoPolicy::compile({{"p.rego", std::string(text)}}, {}, kLimits);
  if (!policy) return 0;
  const auto first = policy->evaluate(kRule, *input);
  const auto second = policy->evaluate(kRule, *input);
  if ((!first && out_of_resources(first.error())) ||
      (!second && out_of_resources(second.error()))) {
    return 0;
  }
  if (first.has_value() != second.has_value()) std::abort();
  if (first && (first->allow != second->allow || first->reason != second->reason)) std::abort();
  if (first && first->allow != first->reason.empty()) std::abort();
  return 0;
}
