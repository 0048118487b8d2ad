// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/generate.h"

// A Terraform (or OpenTofu) configuration for keys in several accounts: the policies as
// files, so that lint and prove read what is applied, and one small module that makes a key.
namespace cofferdam::policy {

struct TerraformPlan {
  std::vector<std::string> accounts;  // Twelve digits each.
  std::string region;
  std::vector<std::string> keys;  // Names: letters, digits and dashes; aliases are "alias/NAME".
  // Without its account. Names such as "role/KeyAdmin" are of each account, ARNs as they are.
  KeyPolicyPlan policy;
};

// Files by their paths in the folder. Errc::invalid_input as generate_key_policy(), and for
// names that are none.
Result<std::map<std::string, std::string>> generate_terraform(const TerraformPlan& plan);

}  // namespace cofferdam::policy
