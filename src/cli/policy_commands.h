// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "policy/evaluate.h"
#include "policy/rego.h"

// The subcommands of `cofferdam policy`, one file each.
namespace cofferdam::cli {

void add_policy_eval(CLI::App& policy, Exit& exit);
void add_policy_tests(CLI::App& policy, Exit& exit);
void add_policy_input(CLI::App& policy, Exit& exit);
void add_policy_key(CLI::App& policy, Exit& exit);
void add_policy_lint(CLI::App& policy, Exit& exit);
void add_policy_prove(CLI::App& policy, Exit& exit);
void add_policy_role(CLI::App& policy, Exit& exit);
void add_policy_terraform(CLI::App& policy, Exit& exit);

// What stands beside the modules.
struct PolicyData {
  std::string data;    // File: the whole document. Empty: none.
  std::string config;  // File: its member `config`, as the agent's [policy] data.
};
void add_data_options(CLI::App& command, PolicyData& data);

// Compiles files and, of folders, every file *.rego in them.
Result<policy::RegoPolicy> load_policy(const std::vector<std::string>& paths,
                                       const PolicyData& data);
Result<json::value> read_json_file(const std::string& path);

// A policy of AWS, alone or as the text under "Policy" of what the AWS CLI prints.
Result<policy::AttachedPolicy> read_policy(const std::string& file, policy::PolicyKind kind);

}  // namespace cofferdam::cli
