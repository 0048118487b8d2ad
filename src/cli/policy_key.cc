// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/policy_commands.h"
#include "cli/policy_pins.h"
#include "policy/arn.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Plaintext of the key goes to enclaves whose measurements are pinned and to nobody else: not to
administrators, not to the root user of the account, not through grants or ReEncrypt.
Whoever may replace the policy can undo that, as in every key policy: name them with
--policy-admin, apart from --admin, and watch PutKeyPolicy in CloudTrail.
Exit status: 0 printed, 1 refused (the plan would leave a hole), 2 usage, 3 environment.

Example:
  $ cofferdam policy key --image payments.eif --pin-pcr0 --user $ROLE --admin $ADMIN > key.json
  $ aws kms create-key --policy file://key.json)";

struct KeyCommand {
  PinOptions pins;
  policy::KeyPolicyPlan plan;
};

Result<json::object> run(KeyCommand& command) {
  COFFERDAM_TRY(command.plan.pins, read_pins(command.pins));
  if (command.plan.account.empty() && !command.plan.administrators.empty()) {
    COFFERDAM_TRY(const policy::Arn arn, policy::parse_arn(command.plan.administrators.front()));
    command.plan.account = arn.account;
  }
  return policy::generate_key_policy(command.plan);
}

}  // namespace

void add_policy_key(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<KeyCommand>();
  CLI::App* const key = policy.add_subcommand("key", "Make the key policy of an enclave's key");
  key->footer(kFooter);
  add_pin_options(*key, command->pins);
  policy::KeyPolicyPlan& plan = command->plan;
  key->add_option("--admin", plan.administrators, "Manage the key, never use it")
      ->required()
      ->type_name("ARN");
  key->add_option("--policy-admin", plan.policy_administrators,
                  "Replace the policy, in place of --admin")
      ->type_name("ARN");
  key->add_option("--user", plan.users, "Roles of the parents of enclaves")
      ->required()
      ->type_name("ROLE_ARN");
  key->add_option("--writer", plan.writers, "Encrypt, without attestation: KMS has none for it")
      ->type_name("ARN");
  key->add_option("--account", plan.account, "Of the key; else that of the first --admin");
  key->add_flag("--key-agreement", plan.key_agreement, "The key is for DeriveSharedSecret");
  key->callback([command, &exit] { exit = print_policy(run(*command)); });
}

}  // namespace cofferdam::cli
