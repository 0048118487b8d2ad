// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "policy/document.h"

// Named findings about policies of keys that only an enclave may use. The linter reads one
// policy at a time and knows shapes; what several policies allow together is for the prover
// (policy/prove.h).
namespace cofferdam::policy {

enum class Severity : std::uint8_t { error, warning };

struct Finding {
  std::string_view id;  // Stable: scripts and ignore lists name it.
  Severity severity = Severity::error;
  std::string statement;  // Its Sid, or "#2"; empty: the whole policy.
  std::string detail;
  std::string_view fix;
};

// What there is to find, for the documentation and its test.
struct LintRule {
  std::string_view id;
  Severity severity;
  std::string_view meaning;
  std::string_view fix;
};
const std::vector<LintRule>& lint_rules();

// In the order of statements, then of rules.
std::vector<Finding> lint(const Document& document);

json::object to_json(const Finding& finding);
std::string_view severity_name(Severity severity) noexcept;

}  // namespace cofferdam::policy
