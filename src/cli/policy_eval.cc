// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "base/encoding.h"
#include "cli/policy_commands.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Decides as the agent and the broker do: denied unless the rule is the boolean true. With
--result any query is answered as `opa eval` does, and 1 means that it is undefined.
Exit status: 0 allowed, 1 denied or a policy that fails, 2 usage, 3 environment.

Example:
  $ cofferdam policy eval --policy deploy/policies/identity.rego --config config.json \
      --input input.json --query data.cofferdam.identity.allow --json)";

struct EvalCommand {
  std::vector<std::string> policies;
  PolicyData data;
  std::string input;
  std::string query = "data.cofferdam.release.allow";
  bool json = false;
  bool result = false;
};

void print_answer(const policy::RegoPolicy& policy, const policy::RegoAnswer& answer) {
  std::cout << pretty_json(
      json::object{{"allow", answer.allow},
                   {"reason", answer.reason.empty() ? json::value() : json::value(answer.reason)},
                   {"reasons", json::array(answer.reasons.begin(), answer.reasons.end())},
                   {"policyDigest", to_hex(policy.digest())}});
}

void print_for_people(const policy::RegoAnswer& answer) {
  std::cout << (answer.allow ? "allowed" : "denied");
  if (!answer.allow) std::cout << " (" << answer.reason << ")";
  std::cout << '\n';
  for (const std::string& reason : answer.reasons) std::cout << "  " << reason << '\n';
}

Result<Exit> run(const EvalCommand& command) {
  COFFERDAM_TRY(const policy::RegoPolicy policy, load_policy(command.policies, command.data));
  json::value input;
  if (!command.input.empty()) {
    COFFERDAM_TRY(input, read_json_file(command.input));
  }
  if (command.result) {
    COFFERDAM_TRY(const json::array results, policy.query(command.query, input));
    std::cout << pretty_json(json::object{{"result", results}});
    return results.empty() ? Exit::negative : Exit::ok;
  }
  COFFERDAM_TRY(const policy::RegoAnswer answer, policy.evaluate(command.query, input));
  if (command.json) {
    print_answer(policy, answer);
  } else {
    print_for_people(answer);
  }
  return answer.allow ? Exit::ok : Exit::negative;
}

}  // namespace

void add_policy_eval(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<EvalCommand>();
  CLI::App* const eval = policy.add_subcommand("eval", "Decide one request");
  eval->footer(kFooter);
  eval->add_option("--policy", command->policies, "Rego files, or folders of them")
      ->required()
      ->type_name("PATH");
  add_data_options(*eval, command->data);
  eval->add_option("--input", command->input, "JSON of the input; none: null")->type_name("FILE");
  eval->add_option("--query", command->query, "The rule to ask for")->capture_default_str();
  auto* const json = eval->add_flag("--json", command->json, "For programs");
  eval->add_flag("--result", command->result, "What the query gives, as opa eval")->excludes(json);
  eval->callback([command, &exit] {
    const auto done = run(*command);
    exit = done ? *done : exit_for(done.error());
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
