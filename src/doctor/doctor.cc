// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.h"

#include <algorithm>
#include <array>
#include <span>

#include "doctor/checks.h"

namespace cofferdam::doctor {
namespace {

constexpr std::array kParentChecks = std::to_array<Check>(
    {check_instance, check_module, check_device, check_group, check_allocator,
     check_allocator_service, check_huge_pages, check_cpu_pool, check_nitro_cli, check_blobs,
     check_vsock, check_clock, check_hop_limit, check_locked_memory, check_core_dumps});

constexpr std::array kLaptopChecks = std::to_array<Check>(
    {check_user_namespaces, check_subordinate_ids, check_cgroup, check_temporary_space, check_ports,
     check_kvm, check_clock, check_locked_memory, check_core_dumps});

constexpr std::size_t kIndent = 11;
constexpr std::size_t kTitleWidth = 20;
constexpr std::size_t kLineWidth = 96;

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  out.append(out.size() < width ? width - out.size() : 1, ' ');
  return out;
}

// Words on lines, each but the first one indented as far as the first one starts.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column != indent && column + 1 + word.size() > kLineWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column != indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

// One command a line, however long it is: it is there to be copied.
std::string commands(std::string_view text, std::size_t indent) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("; "), text.size());
    if (!out.empty()) out += "\n" + std::string(indent, ' ');
    out += text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

std::string finding_text(const Finding& finding) {
  constexpr std::string_view kWhy = "why  ";
  constexpr std::string_view kFix = "fix  ";
  constexpr std::size_t kTextAt = kIndent + kWhy.size();
  const std::string margin(kIndent, ' ');
  std::string out = "  " + padded(state_name(finding.state), kIndent - 2) +
                    padded(finding.title, kTitleWidth) +
                    wrapped(finding.found, kIndent + kTitleWidth) + "\n";
  if (!finding.why.empty()) {
    out += margin + std::string(kWhy) + wrapped(finding.why, kTextAt) + "\n";
  }
  if (!finding.fix.empty()) {
    out += margin + std::string(kFix) + commands(finding.fix, kTextAt) + "\n";
  }
  return out;
}

std::string counted(std::size_t count, std::string_view what, std::string_view plural) {
  return std::to_string(count) + " " + std::string(count == 1 ? what : plural);
}

}  // namespace

std::string_view state_name(State state) noexcept {
  switch (state) {
    case State::ok:
      return "ok";
    case State::warning:
      return "warning";
    case State::problem:
      return "problem";
    case State::skipped:
      return "skipped";
  }
  return "skipped";
}

std::string_view role_name(Role role) noexcept {
  return role == Role::parent ? "parent" : "laptop";
}

Role guess_role(const Machine& machine) { return machine.is_ec2() ? Role::parent : Role::laptop; }

std::vector<Finding> examine(const Machine& machine, Role role,
                             const std::optional<ImageNeed>& image) {
  const std::span<const Check> checks =
      role == Role::parent ? std::span<const Check>(kParentChecks) : kLaptopChecks;
  std::vector<Finding> out;
  for (const Check check : checks) out.push_back(check(machine, image));
  return out;
}

std::size_t count(const std::vector<Finding>& findings, State state) {
  return static_cast<std::size_t>(std::ranges::count(findings, state, &Finding::state));
}

json::object report_json(const std::vector<Finding>& findings, Role role) {
  json::array list;
  for (const Finding& finding : findings) {
    list.push_back(json::object{{"id", finding.id},
                                {"title", finding.title},
                                {"status", state_name(finding.state)},
                                {"found", finding.found},
                                {"why", finding.why},
                                {"fix", finding.fix}});
  }
  return {{"role", role_name(role)},
          {"problems", count(findings, State::problem)},
          {"warnings", count(findings, State::warning)},
          {"findings", std::move(list)}};
}

std::string report_text(const std::vector<Finding>& findings, Role role) {
  std::string out = role == Role::parent ? "As the parent instance of enclaves:\n\n"
                                         : "As a machine to build and try images on:\n\n";
  for (const Finding& finding : findings) out += finding_text(finding);
  return out + "\n" + counted(count(findings, State::problem), "problem", "problems") + ", " +
         counted(count(findings, State::warning), "warning", "warnings") + ", " +
         std::to_string(count(findings, State::ok)) + " ok, " +
         std::to_string(count(findings, State::skipped)) + " skipped\n";
}

}  // namespace cofferdam::doctor
