// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "cli/policy_commands.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(A test is a rule whose name begins with test_; it passes when it is true. The same files
run under `opa test`.
Exit status: 0 all passed, 1 one failed or there was none, 2 usage, 3 environment.

Example:
  $ cofferdam policy test deploy/policies)";

struct TestsCommand {
  std::vector<std::string> paths;
  PolicyData data;
  bool json = false;
};

struct Outcome {
  std::string name;
  bool passed = false;
  std::string detail = {};
};

Outcome run_test(const policy::RegoPolicy& policy, const std::string& name) {
  const auto answer = policy.evaluate(name, nullptr);
  if (!answer) return {.name = name, .detail = answer.error().detail};
  if (answer->allow) return {.name = name, .passed = true};
  const bool undefined = answer->reason == "policy_undefined";
  return {.name = name, .detail = undefined ? "it is undefined" : "it is not true"};
}

void print_for_people(const std::vector<Outcome>& outcomes, std::int64_t failed) {
  for (const Outcome& one : outcomes) {
    std::cout << (one.passed ? "pass  " : "FAIL  ") << one.name;
    if (!one.passed) std::cout << ": " << one.detail;
    std::cout << '\n';
  }
  std::cout << std::ssize(outcomes) - failed << " passed, " << failed << " failed\n";
}

void print_json(const std::vector<Outcome>& outcomes, std::int64_t failed) {
  json::array tests;
  for (const Outcome& one : outcomes) {
    json::object test{{"name", one.name}, {"passed", one.passed}};
    if (!one.passed) test.emplace("detail", one.detail);
    tests.push_back(std::move(test));
  }
  std::cout << pretty_json(json::object{
      {"passed", std::ssize(outcomes) - failed}, {"failed", failed}, {"tests", std::move(tests)}});
}

Result<Exit> run(const TestsCommand& command) {
  COFFERDAM_TRY(const policy::RegoPolicy policy, load_policy(command.paths, command.data));
  if (policy.tests().empty()) return fail(Errc::invalid_input, "there are no rules test_*");
  std::vector<Outcome> outcomes;
  std::int64_t failed = 0;
  for (const std::string& name : policy.tests()) {
    outcomes.push_back(run_test(policy, name));
    if (!outcomes.back().passed) ++failed;
  }
  if (command.json) {
    print_json(outcomes, failed);
  } else {
    print_for_people(outcomes, failed);
  }
  return failed == 0 ? Exit::ok : Exit::negative;
}

}  // namespace

void add_policy_tests(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<TestsCommand>();
  CLI::App* const test = policy.add_subcommand("test", "Run the tests written in Rego");
  test->footer(kFooter);
  test->add_option("PATH", command->paths, "Rego files, or folders of them")->required();
  add_data_options(*test, command->data);
  test->add_flag("--json", command->json, "For programs");
  test->callback([command, &exit] {
    const auto done = run(*command);
    exit = done ? *done : exit_for(done.error());
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
