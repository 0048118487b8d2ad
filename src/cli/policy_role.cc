// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/policy_commands.h"
#include "cli/policy_pins.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Prints {"trust": ..., "permissions": ...}: who may assume the role (a token of the broker with
this audience and one of these subjects, PCRs as session tags) and what the role may do.
Exit status: 0 printed, 1 refused (the plan would leave a hole), 2 usage, 3 environment.

Example:
  $ cofferdam policy role --account 111122223333 --issuer https://broker.example.com \
      --subject cofferdam:payments:release:7 --release-manifest payments.release \
      --key $KEY_ARN --session-prefix enclave- > role.json
  $ jq .trust role.json > trust.json
  $ aws iam create-role --role-name payments --max-session-duration 3600 \
      --assume-role-policy-document file://trust.json)";

struct RoleCommand {
  PinOptions pins;
  policy::TrustPolicyPlan trust;
  policy::PermissionPolicyPlan permissions;
};

Result<json::object> run(RoleCommand& command) {
  COFFERDAM_TRY(command.trust.pins, read_pins(command.pins));
  command.permissions.pins = command.trust.pins;
  COFFERDAM_TRY(json::object trust, policy::generate_trust_policy(command.trust));
  json::object out{{"trust", std::move(trust)}};
  if (command.permissions.keys.empty() && command.permissions.secrets.empty()) return out;
  COFFERDAM_TRY(out["permissions"], policy::generate_permission_policy(command.permissions));
  return out;
}

}  // namespace

void add_policy_role(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<RoleCommand>();
  command->trust.audience = "sts.amazonaws.com";
  CLI::App* const role = policy.add_subcommand("role", "Make the policies of an enclave's role");
  role->footer(kFooter);
  add_pin_options(*role, command->pins);
  policy::TrustPolicyPlan& trust = command->trust;
  role->add_option("--account", trust.account, "Of the role")->required();
  role->add_option("--issuer", trust.issuer, "The broker's URL")->required()->type_name("URL");
  role->add_option("--subject", trust.subjects, "Release identities (sub) that may assume it")
      ->required();
  role->add_option("--audience", trust.audience, "aud of the token")->capture_default_str();
  role->add_option("--session-prefix", trust.session_prefix, "How session names must begin");
  role->add_option("--key", command->permissions.keys, "KMS keys to use")->type_name("ARN");
  role->add_option("--secret", command->permissions.secrets, "Secrets to read")->type_name("ARN");
  role->callback([command, &exit] { exit = print_policy(run(*command)); });
}

}  // namespace cofferdam::cli
