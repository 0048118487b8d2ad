// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/file.h"
#include "cli/policy_commands.h"
#include "cli/policy_pins.h"
#include "policy/generate_terraform.h"

namespace cofferdam::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFooter =
    R"(Writes main.tf, the module key/ and policies/ACCOUNT.json, which lint and prove read too. Names
such as role/KeyAdmin stand for that role in each account.
Exit status: 0 written, 1 refused (the plan would leave a hole), 2 usage, 3 environment.

Example:
  $ cofferdam policy terraform --output keys --account 111122223333 --account 444455556666 \
      --region eu-central-1 --key payments --image payments.eif \
      --admin role/KeyAdmin --user role/parent
  $ terraform -chdir=keys init && terraform -chdir=keys plan)";

struct TerraformCommand {
  PinOptions pins;
  policy::TerraformPlan plan;
  std::string output;
};

Status run(TerraformCommand& command) {
  COFFERDAM_TRY(command.plan.policy.pins, read_pins(command.pins));
  COFFERDAM_TRY(const auto files, policy::generate_terraform(command.plan));
  const fs::path folder(command.output);
  for (const auto& [name, text] : files) {
    std::error_code error;
    fs::create_directories((folder / name).parent_path(), error);
    if (error) {
      return fail(Errc::unavailable,
                  "cannot make " + (folder / name).parent_path().string() + ": " + error.message());
    }
    COFFERDAM_CHECK(write_file_atomic(folder / name, as_bytes(text)));
  }
  json::array written;
  for (const auto& [name, text] : files) written.emplace_back((folder / name).string());
  std::cout << pretty_json(json::object{{"files", std::move(written)}});
  return {};
}

}  // namespace

void add_policy_terraform(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<TerraformCommand>();
  CLI::App* const terraform =
      policy.add_subcommand("terraform", "Write Terraform for keys in several accounts");
  terraform->footer(kFooter);
  add_pin_options(*terraform, command->pins);
  policy::TerraformPlan& plan = command->plan;
  terraform->add_option("--output", command->output, "Folder")->required()->type_name("DIR");
  terraform->add_option("--account", plan.accounts, "Accounts")->required();
  terraform->add_option("--region", plan.region, "Region of the keys")->required();
  terraform->add_option("--key", plan.keys, "Names of keys, each in every account")->required();
  terraform->add_option("--admin", plan.policy.administrators, "Manage the keys, never use them")
      ->required();
  terraform->add_option("--policy-admin", plan.policy.policy_administrators,
                        "Replace the policies, in place of --admin");
  terraform->add_option("--user", plan.policy.users, "Roles of the parents of enclaves")
      ->required();
  terraform->add_option("--writer", plan.policy.writers, "Encrypt, without attestation");
  terraform->callback([command, &exit] {
    const auto done = run(*command);
    exit = done ? Exit::ok : exit_for(done.error());
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
