// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>

#include "base/file.h"
#include "cli/policy_commands.h"
#include "policy/lint.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Findings have stable names; docs/policies.md lists them. A file is a policy, or a JSON object
that holds one as text under "Policy", as aws kms get-key-policy prints it.
Exit status: 0 no error among the findings, 1 an error or no policy, 2 usage, 3 environment.

Example:
  $ aws kms get-key-policy --key-id $KEY > key.json && cofferdam policy lint key.json)";

struct LintCommand {
  std::vector<std::string> files;
  std::string kind = "key";
  bool json = false;
};

struct FileFindings {
  std::string file;
  std::vector<policy::Finding> findings;
};

void print_for_people(const FileFindings& one) {
  for (const policy::Finding& finding : one.findings) {
    std::cout << one.file << ": " << policy::severity_name(finding.severity) << ": " << finding.id
              << ": statement " << finding.statement << ": " << finding.detail
              << "\n  fix: " << finding.fix << '\n';
  }
  if (one.findings.empty()) std::cout << one.file << ": no findings\n";
}

void print_for_programs(const std::vector<FileFindings>& all) {
  json::array files;
  for (const auto& [file, findings] : all) {
    json::array list;
    for (const policy::Finding& finding : findings) list.push_back(policy::to_json(finding));
    files.push_back(json::object{{"file", file}, {"findings", std::move(list)}});
  }
  std::cout << pretty_json(json::object{{"files", std::move(files)}});
}

Result<Exit> run(const LintCommand& command) {
  std::vector<FileFindings> all;
  for (const std::string& file : command.files) {
    COFFERDAM_TRY(const policy::AttachedPolicy read,
                  read_policy(file, command.kind == "identity" ? policy::PolicyKind::identity
                                    : command.kind == "trust"  ? policy::PolicyKind::trust
                                                               : policy::PolicyKind::key));
    all.push_back({.file = file, .findings = policy::lint(read.document)});
  }
  if (command.json) {
    print_for_programs(all);
  } else {
    std::ranges::for_each(all, print_for_people);
  }
  const bool wrong = std::ranges::any_of(all, [](const FileFindings& one) {
    return std::ranges::any_of(one.findings, [](const policy::Finding& finding) {
      return finding.severity == policy::Severity::error;
    });
  });
  return wrong ? Exit::negative : Exit::ok;
}

}  // namespace

Result<policy::AttachedPolicy> read_policy(const std::string& file, policy::PolicyKind kind) {
  constexpr std::size_t kMaxSize = std::size_t{256} * 1024;
  COFFERDAM_TRY(std::string text, read_text_file(file, kMaxSize));
  const auto outer = parse_json(text, kMaxSize);
  const json::object* object = outer ? outer->if_object() : nullptr;
  const json::value* inner = object != nullptr ? object->if_contains("Policy") : nullptr;
  if (inner != nullptr && inner->is_string()) text = std::string(inner->get_string());
  auto document = policy::parse_document(text, kind, kMaxSize);
  if (!document) return wrap(file, std::move(document).error());
  return policy::AttachedPolicy{.name = file, .document = *std::move(document)};
}

void add_policy_lint(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<LintCommand>();
  CLI::App* const lint = policy.add_subcommand("lint", "Find what is wrong in a policy");
  lint->footer(kFooter);
  lint->add_option("FILE", command->files, "Policies")->required();
  lint->add_option("--kind", command->kind, "What they are attached to")
      ->capture_default_str()
      ->check(CLI::IsMember({"key", "identity", "trust"}));
  lint->add_flag("--json", command->json, "For programs");
  lint->callback([command, &exit] {
    const auto done = run(*command);
    exit = done ? *done : exit_for(done.error());
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
