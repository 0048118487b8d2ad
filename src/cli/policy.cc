// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/policy_commands.h"

namespace cofferdam::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    R"(Example:
  $ cofferdam policy test deploy/policies
  $ cofferdam policy fmt-input --request request.json --uid 1000 > input.json
  $ cofferdam policy eval --policy deploy/policies/release.rego --config config.json --input input.json)";

// Files *.rego below a folder, in order; any other path stands for itself.
Result<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector{path};
  std::vector<std::string> out;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".rego") out.push_back(entry->path().string());
  }
  if (error) return fail(Errc::not_found, "cannot read " + path + ": " + error.message());
  std::ranges::sort(out);
  if (out.empty()) return fail(Errc::not_found, path + " has no file *.rego");
  return out;
}

Result<json::object> read_object(const std::string& path) {
  COFFERDAM_TRY(json::value value, read_json_file(path));
  if (!value.is_object()) return fail(Errc::invalid_input, path + " is not a JSON object");
  return std::move(value.get_object());
}

Result<json::object> read_data(const PolicyData& data) {
  json::object out;
  if (!data.data.empty()) {
    COFFERDAM_TRY(out, read_object(data.data));
  }
  if (!data.config.empty()) {
    COFFERDAM_TRY(out["config"], read_json_file(data.config));
  }
  return out;
}

}  // namespace

Result<json::value> read_json_file(const std::string& path) {
  constexpr std::size_t kMaxSize = policy::RegoPolicy::kMaxInputSize;
  COFFERDAM_TRY(const std::string text, read_text_file(path, kMaxSize));
  auto value = parse_json(text, kMaxSize, 64);
  if (!value) return wrap(path, std::move(value).error());
  return value;
}

void add_data_options(CLI::App& command, PolicyData& data) {
  command.add_option("--data", data.data, "JSON of the document `data`")->type_name("FILE");
  command.add_option("--config", data.config, "JSON of data.config, as an agent's policy data")
      ->type_name("FILE");
}

Result<policy::RegoPolicy> load_policy(const std::vector<std::string>& paths,
                                       const PolicyData& data) {
  std::vector<policy::RegoModule> modules;
  for (const std::string& path : paths) {
    COFFERDAM_TRY(const std::vector<std::string> files, files_of(path));
    for (const std::string& file : files) {
      COFFERDAM_TRY(std::string text, read_text_file(file, policy::RegoPolicy::kMaxModuleSize));
      modules.push_back({.name = file, .text = std::move(text)});
    }
  }
  COFFERDAM_TRY(json::object document, read_data(data));
  return policy::RegoPolicy::compile(std::move(modules), std::move(document));
}

void add_policy(CLI::App& app, Exit& exit) {
  CLI::App* const policy = app.add_subcommand(
      "policy", "Make, judge and try out the policies that decide who gets what");
  policy->require_subcommand(1);
  policy->footer(kFooter);
  add_policy_eval(*policy, exit);
  add_policy_tests(*policy, exit);
  add_policy_input(*policy, exit);
  add_policy_key(*policy, exit);
  add_policy_role(*policy, exit);
  add_policy_terraform(*policy, exit);
  add_policy_lint(*policy, exit);
  add_policy_prove(*policy, exit);
}

}  // namespace cofferdam::cli
