// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"

// Policies that release a key to one enclave and to nobody else. What is generated is
// what docs/policies.md explains, and what `policy prove` proves.
//
// Errors: Errc::invalid_input with one of these reasons says what to change in the plan.
namespace cofferdam::policy {

namespace reason {
inline constexpr std::string_view kAdmitsDebug = "admits_debug";        // Any debug enclave fits.
inline constexpr std::string_view kNotPinned = "not_pinned";            // PCR8 is missing.
inline constexpr std::string_view kBadMeasurement = "bad_measurement";  // Not 48 octets, unknown.
inline constexpr std::string_view kBadPrincipal = "bad_principal";
inline constexpr std::string_view kAdminCanUse = "admin_can_use";
}  // namespace reason

// Values that a register may have, one of which must be there.
using PinnedPcrs = std::map<int, std::vector<Bytes>>;

// PCR8 must be pinned: who signed the image. Refused: a register that is zero (every enclave
// in debug mode has PCR0 to PCR2 so, every unsigned image PCR8), and pins without PCR0 and
// PCR8, such as PCR3 or PCR4 alone, which an enclave in debug mode satisfies.
Status check_pins(const PinnedPcrs& pins);

struct KeyPolicyPlan {
  std::string account;                      // Of the key.
  std::vector<std::string> administrators;  // Users and roles of `account`: manage, never use.
  // Who may replace the policy, and thereby everything; none: the administrators.
  std::vector<std::string> policy_administrators;
  std::vector<std::string> users;    // Roles, of any account, whose enclaves use the key.
  std::vector<std::string> writers;  // Who may Encrypt, for which KMS knows no attestation.
  PinnedPcrs pins;
  bool key_agreement = false;  // The key derives shared secrets instead of decrypting.
};
Result<json::object> generate_key_policy(const KeyPolicyPlan& plan);

// The role that a broker's token opens.
struct TrustPolicyPlan {
  std::string account;  // Of the role.
  std::string issuer;   // "https://broker.example.com"
  std::string audience;
  std::vector<std::string> subjects;  // Release identities; no wildcards.
  std::string session_prefix;         // Of RoleSessionName; may be empty.
  PinnedPcrs pins;                    // As session tags "pcr8", "pcr0".
};
Result<json::object> generate_trust_policy(const TrustPolicyPlan& plan);

struct PermissionPolicyPlan {
  std::vector<std::string> keys;     // ARNs.
  std::vector<std::string> secrets;  // ARNs of Secrets Manager.
  PinnedPcrs pins;
};
Result<json::object> generate_permission_policy(const PermissionPolicyPlan& plan);

}  // namespace cofferdam::policy
