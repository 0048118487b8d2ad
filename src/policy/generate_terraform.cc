// SPDX-License-Identifier: Apache-2.0
#include "policy/generate_terraform.h"

#include <algorithm>
#include <set>
#include <utility>

#include "policy/arn.h"
#include "policy/text.h"

namespace cofferdam::policy {
namespace {

constexpr const char* kModule =
    R"(# A key that only an enclave may use. Made by cofferdam policy terraform.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "name" {
  description = "Of the key; its alias is alias/NAME."
  type        = string
}

variable "policy" {
  description = "The key policy, as JSON."
  type        = string
}

resource "aws_kms_key" "this" {
  description             = var.name
  policy                  = var.policy
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

output "arn" {
  value = aws_kms_key.this.arn
}
)";

constexpr const char* kHead = R"(# Made by cofferdam policy terraform.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "profiles" {
  description = "The AWS CLI profile of each account; null takes the environment's credentials."
  type        = map(string)
  default     = {}
}
)";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

Status check_names(std::string_view what, const std::vector<std::string>& names, auto is_good) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!is_good(name)) {
      return fail(Errc::invalid_input, in_quotes(name) + " is not " + std::string(what));
    }
    if (!seen.insert(name).second) {
      return fail(Errc::invalid_input, in_quotes(name) + " is given twice");
    }
  }
  if (seen.empty())
    return fail(Errc::invalid_input, "at least " + std::string(what) + " is needed");
  return {};
}

std::vector<std::string> in_account(const std::vector<std::string>& names,
                                    const std::string& account) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const bool whole = name.starts_with("arn:");
    out.push_back(whole ? name : "arn:aws:iam::" + account + ":" + name);
  }
  return out;
}

KeyPolicyPlan policy_of(const KeyPolicyPlan& plan, const std::string& account) {
  KeyPolicyPlan out = plan;
  out.account = account;
  out.administrators = in_account(plan.administrators, account);
  out.policy_administrators = in_account(plan.policy_administrators, account);
  out.users = in_account(plan.users, account);
  out.writers = in_account(plan.writers, account);
  return out;
}

std::string provider(const std::string& account, const std::string& region) {
  return "\nprovider \"aws\" {\n"
         "  alias               = \"a" +
         account +
         "\"\n"
         "  region              = \"" +
         region +
         "\"\n"
         "  profile             = lookup(var.profiles, \"" +
         account +
         "\", null)\n"
         "  allowed_account_ids = [\"" +
         account +
         "\"]\n"
         "}\n";
}

std::string module_call(const std::string& account, const std::string& key) {
  return "\nmodule \"" + key + "_" + account +
         "\" {\n"
         "  source    = \"./key\"\n"
         "  providers = { aws = aws.a" +
         account +
         " }\n"
         "  name      = \"" +
         key +
         "\"\n"
         "  policy    = file(\"${path.module}/policies/" +
         account +
         ".json\")\n"
         "}\n";
}

// One for each key: terraform fmt would align a map.
std::string output(const std::string& account, const std::string& key) {
  const std::string name = key + "_" + account;
  return "\noutput \"" + name + "\" {\n  value = module." + name + ".arn\n}\n";
}

}  // namespace

Result<std::map<std::string, std::string>> generate_terraform(const TerraformPlan& plan) {
  COFFERDAM_CHECK(check_names("one account of twelve digits", plan.accounts, is_account_id));
  COFFERDAM_CHECK(
      check_names("one name of letters, digits and dashes", plan.keys, [](std::string_view name) {
        return is_name(name) && !(name.front() >= '0' && name.front() <= '9') &&
               name.front() != '-';
      }));
  if (!is_name(plan.region)) return fail(Errc::invalid_input, "the region is no name");
  std::map<std::string, std::string> out{{"key/main.tf", kModule}};
  std::string main = kHead;
  for (const std::string& account : plan.accounts) {
    COFFERDAM_TRY(const json::object policy, generate_key_policy(policy_of(plan.policy, account)));
    out["policies/" + account + ".json"] = pretty_json(policy);
    main += provider(account, plan.region);
    for (const std::string& key : plan.keys) {
      main += module_call(account, key) + output(account, key);
    }
  }
  out["main.tf"] = std::move(main);
  return out;
}

}  // namespace cofferdam::policy
