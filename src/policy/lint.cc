// SPDX-License-Identifier: Apache-2.0
#include "policy/lint.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/text.h"
#include "policy/pattern.h"
#include "policy/statement.h"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kPrefix = "kms:recipientattestation:";
constexpr std::string_view kPcr = "kms:recipientattestation:pcr";
constexpr std::string_view kImage = "kms:recipientattestation:imagesha384";
constexpr std::string_view kTpm = "kms:recipientattestation:nitrotpmpcr";

constexpr auto kRecipientOperations = std::to_array<std::string_view>(
    {"kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret"});

bool covers_action(const Statement& statement, std::string_view action) {
  Request request;
  request.action = std::string(action);
  return policy::covers_action(statement, request);
}

bool covers_plaintext(const Statement& statement) {
  return std::ranges::any_of(kRecipientOperations, [&](std::string_view action) {
    return covers_action(statement, action);
  });
}

bool is_recipient(const Condition& condition) {
  return to_lower(condition.key).starts_with(kPrefix);
}

bool is_allow(const Statement& statement) { return statement.effect == Effect::allow; }

bool is_literal_pin(const Condition& condition) {
  const auto comparison = condition.op.comparison;
  const bool literal = comparison == Comparison::string_equals ||
                       comparison == Comparison::string_equals_ignore_case;
  return is_recipient(condition) && (literal || comparison == Comparison::string_like) &&
         !condition.op.negated && !condition.op.if_exists &&
         condition.op.quantifier != Quantifier::all_values;
}

bool pins(const Statement& statement) {
  return std::ranges::any_of(statement.conditions, is_literal_pin);
}

bool pins_register(const Statement& statement, std::string_view key) {
  return std::ranges::any_of(statement.conditions, [&](const Condition& condition) {
    return is_literal_pin(condition) && to_lower(condition.key) == key;
  });
}

bool pins_image(const Statement& statement) {
  return pins_register(statement, kImage) || pins_register(statement, std::string(kPcr) + "0");
}

// An unconditional-by-document Deny of Decrypt for everyone: `StringNotEquals...` on a register.
bool denies_unmeasured(const Document& document) {
  return std::ranges::any_of(document.statements, [](const Statement& statement) {
    const bool everyone = !statement.principal ||
                          (!statement.principal->negated &&
                           std::ranges::any_of(statement.principal->entries, [](const auto& one) {
                             return one.kind == PrincipalPattern::Kind::anyone;
                           }));
    return statement.effect == Effect::deny && everyone && statement.conditions.size() == 1 &&
           is_recipient(statement.conditions.front()) && statement.conditions.front().op.negated &&
           std::ranges::all_of(kRecipientOperations, [&](std::string_view action) {
             return covers_action(statement, action);
           });
  });
}

bool is_zero(const std::string& value) {
  return !value.empty() && value.find_first_not_of('0') == value.npos;
}

bool denies_debug(const Document& document) {
  return std::ranges::any_of(document.statements, [](const Statement& statement) {
    return !is_allow(statement) && covers_action(statement, "kms:Decrypt") &&
           std::ranges::any_of(statement.conditions, [](const Condition& condition) {
             const std::string key = to_lower(condition.key);
             const bool image = key == kImage || key == std::string(kPcr) + "0";
             return image &&
                    (condition.op.negated || std::ranges::any_of(condition.values, is_zero));
           });
  });
}

bool names(const Statement& statement, PrincipalPattern::Kind kind) {
  return statement.principal && !statement.principal->negated &&
         std::ranges::any_of(statement.principal->entries,
                             [kind](const PrincipalPattern& one) { return one.kind == kind; });
}

// ---- rules; each says what is wrong, or nothing

struct Place {
  const Document& document;
  const Statement& statement;
};
using Check = std::string (*)(const Place&);

std::string root_delegation(const Place& at) {
  if (!is_allow(at.statement) || !names(at.statement, PrincipalPattern::Kind::account)) return {};
  const bool plaintext =
      covers_plaintext(at.statement) && !pins(at.statement) && !denies_unmeasured(at.document);
  if (!plaintext && !covers_action(at.statement, "kms:PutKeyPolicy")) return {};
  return "the account decides by identity policies who may use or change the key";
}

std::string missing_recipient(const Place& at) {
  if (!is_allow(at.statement) || !covers_plaintext(at.statement) || pins(at.statement)) return {};
  if (denies_unmeasured(at.document) || names(at.statement, PrincipalPattern::Kind::account)) {
    return {};
  }
  return "allows an operation that returns plaintext without an attestation document";
}

std::string holds_on_absence(const Place& at) {
  if (!is_allow(at.statement)) return {};
  for (const Condition& condition : at.statement.conditions) {
    if (is_recipient(condition) && (condition.op.if_exists || condition.op.negated)) {
      return condition.operator_name + " on " + condition.key + " holds without a document";
    }
  }
  return {};
}

std::string all_values(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    if (is_allow(at.statement) && condition.op.quantifier == Quantifier::all_values) {
      return condition.operator_name + " on " + condition.key + " holds where the key is absent";
    }
  }
  return {};
}

std::string null_misuse(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    if (is_recipient(condition) && condition.op.comparison == Comparison::null &&
        is_allow(at.statement) && !pins(at.statement)) {
      return "Null tells that there is a document, not whose";
    }
  }
  return {};
}

bool is_known_register(std::string_view key) {
  if (key == kImage) return true;
  const bool tpm = key.starts_with(kTpm);
  if (!tpm && !key.starts_with(kPcr)) return false;
  const std::string_view digits = key.substr(tpm ? kTpm.size() : kPcr.size());
  if (digits.empty() || digits.size() > 2 ||
      digits.find_first_not_of("0123456789") != digits.npos) {
    return false;
  }
  return std::stoi(std::string(digits)) < 32;
}

std::string unknown_key(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    const std::string key = to_lower(condition.key);
    const bool near = key.starts_with("kms:recipientattestation");
    if (near && !is_known_register(key)) return condition.key + " never exists in a request";
  }
  return {};
}

std::string reencrypt(const Place& at) {
  if (!is_allow(at.statement) || !covers_action(at.statement, "kms:ReEncryptFrom")) return {};
  return "ReEncryptFrom takes the data to another key, and has no Recipient";
}

std::string create_grant(const Place& at) {
  if (!is_allow(at.statement) || !covers_action(at.statement, "kms:CreateGrant")) return {};
  const bool bounded = std::ranges::any_of(at.statement.conditions, [](const Condition& one) {
    return to_lower(one.key) == "kms:grantoperations" &&
           one.op.quantifier == Quantifier::all_values && !one.op.negated &&
           std::ranges::none_of(one.values, [](const std::string& value) {
             return value.contains('*') || value == "Decrypt" || value == "CreateGrant" ||
                    value == "ReEncryptFrom" || value == "GenerateDataKey" ||
                    value == "GenerateDataKeyPair" || value == "DeriveSharedSecret";
           });
  });
  return bounded ? std::string() : "a grant stands beside this policy, without its conditions";
}

std::string other_ways(const Place& at) {
  if (!is_allow(at.statement)) return {};
  for (const char* action :
       {"kms:ImportKeyMaterial", "kms:ReplicateKey", "kms:UpdatePrimaryRegion"}) {
    if (covers_action(at.statement, action)) {
      return std::string(action) + " lets its caller choose material or policy of the key";
    }
  }
  return {};
}

std::string anyone(const Place& at) {
  if (!is_allow(at.statement) || !names(at.statement, PrincipalPattern::Kind::anyone)) return {};
  if (pins(at.statement)) return {};
  return "Principal \"*\" is everybody in every account";
}

std::string not_principal(const Place& at) {
  if (!is_allow(at.statement) || !at.statement.principal || !at.statement.principal->negated) {
    return {};
  }
  return "NotPrincipal with Allow is everybody in every account but the named";
}

std::string zero_pcr(const Place& at) {
  if (!is_allow(at.statement)) return {};
  for (const Condition& condition : at.statement.conditions) {
    if (is_literal_pin(condition) && std::ranges::any_of(condition.values, is_zero)) {
      return condition.key + " of zeros is an enclave in debug mode or an unsigned image";
    }
  }
  return {};
}

std::string weak_registers(const Place& at) {
  if (!is_allow(at.statement) || !covers_plaintext(at.statement) || !pins(at.statement)) return {};
  if (pins_image(at.statement) || pins_register(at.statement, std::string(kPcr) + "8")) return {};
  return "neither PCR0 nor PCR8: any image fits, in debug mode too";
}

std::string debug_signer(const Place& at) {
  if (!is_allow(at.statement) || !covers_plaintext(at.statement) || pins_image(at.statement)) {
    return {};
  }
  if (!pins_register(at.statement, std::string(kPcr) + "8") || denies_debug(at.document)) return {};
  return "PCR8 is the same in debug mode, in which the parent reads the console";
}

std::string wildcard_pcr(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    const bool wild = std::ranges::any_of(condition.values, [](const std::string& value) {
      return value.find_first_of("*?") != value.npos;
    });
    if (is_recipient(condition) && wild && condition.op.comparison == Comparison::string_like) {
      return condition.key + " is compared with a wildcard";
    }
  }
  return {};
}

std::string case_of_pcr(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    const bool upper = std::ranges::any_of(
        condition.values, [](const std::string& value) { return to_lower(value) != value; });
    if (is_recipient(condition) && upper && condition.op.comparison != Comparison::null &&
        condition.op.comparison != Comparison::string_equals_ignore_case) {
      return condition.key + " is lower-case in KMS, and this comparison tells cases apart";
    }
  }
  return {};
}

std::string size_of_pcr(const Place& at) {
  for (const Condition& condition : at.statement.conditions) {
    const bool wrong = std::ranges::any_of(condition.values, [](const std::string& value) {
      return value.find_first_of("*?$") == value.npos &&
             (value.size() != 96 ||
              value.find_first_not_of("0123456789abcdefABCDEF") != value.npos);
    });
    if (is_recipient(condition) && wrong && condition.op.comparison != Comparison::null) {
      return condition.key + " is compared with what is not 96 hexadecimal digits";
    }
  }
  return {};
}

std::string wrong_operation(const Place& at) {
  if (std::ranges::none_of(at.statement.conditions, is_recipient) || at.statement.action.negated) {
    return {};
  }
  const bool useful =
      covers_plaintext(at.statement) || covers_action(at.statement, "kms:GenerateRandom");
  return useful ? std::string() : "none of its actions takes a Recipient";
}

std::string not_action(const Place& at) {
  if (!is_allow(at.statement) || !at.statement.action.negated) return {};
  return "NotAction with Allow covers every action that KMS has or will have";
}

std::string admin_uses(const Place& at) {
  if (!is_allow(at.statement) || at.statement.action.negated) return {};
  if (!covers_action(at.statement, "kms:PutKeyPolicy")) return {};
  const bool uses = covers_plaintext(at.statement) || covers_action(at.statement, "kms:Encrypt");
  return uses ? "one statement both manages the key and uses it" : std::string();
}

std::string no_resource(const Place& at) {
  if (at.document.kind != PolicyKind::key || at.statement.resource) return {};
  return "a statement of a key policy without Resource does nothing";
}

struct Rule {
  LintRule about;
  Check check;
};

const std::vector<Rule>& rules() {
  using enum Severity;
  static const std::vector<Rule> all = {
      {{"root-delegation", error, "the account decides by identity policies",
        "remove the statement, or allow the account reading operations only"},
       root_delegation},
      {{"missing-recipient-condition", error, "plaintext without an attestation document",
        "add StringEqualsIgnoreCase on kms:RecipientAttestation:PCR0 or PCR8"},
       missing_recipient},
      {{"holds-without-document", error,
        "IfExists or a negated operator on a register, in an Allow",
        "use StringEqualsIgnoreCase without IfExists"},
       holds_on_absence},
      {{"for-all-values", error, "ForAllValues in an Allow holds where the key is absent",
        "drop ForAllValues on keys of one value; else add Null with false"},
       all_values},
      {{"null-is-no-measurement", error, "Null in place of a measurement",
        "compare a register with its value"},
       null_misuse},
      {{"unknown-recipient-key", error, "a kms:RecipientAttestation key that KMS does not have",
        "use ImageSha384, PCR0 to PCR31 or NitroTPMPCR0 to NitroTPMPCR31"},
       unknown_key},
      {{"reencrypt-allowed", error, "ReEncryptFrom is allowed",
        "do not allow kms:ReEncrypt*; deny it to everyone"},
       reencrypt},
      {{"create-grant-allowed", error, "CreateGrant of operations that yield plaintext",
        "do not allow kms:CreateGrant; else limit kms:GrantOperations by ForAllValues and Null"},
       create_grant},
      {{"key-control-allowed", error, "ImportKeyMaterial, ReplicateKey or UpdatePrimaryRegion",
        "list management actions one by one, without these"},
       other_ways},
      {{"wildcard-principal", error, "Principal \"*\" in an Allow without a measurement",
        "name the role of the parent"},
       anyone},
      {{"not-principal-allow", error, "NotPrincipal with Allow", "name who is allowed"},
       not_principal},
      {{"zero-measurement", error, "a register of zeros is allowed", "remove the value"}, zero_pcr},
      {{"weak-registers", error, "pinned without PCR0 and PCR8", "pin PCR8, and PCR0 if you can"},
       weak_registers},
      {{"debug-mode-admitted", error, "PCR8 without PCR0, and debug mode is not denied",
        "pin PCR0 too, or deny PCR0 of zeros"},
       debug_signer},
      {{"wildcard-measurement", error, "a wildcard in the value of a register",
        "write all 96 digits"},
       wildcard_pcr},
      {{"measurement-case", warning, "upper-case digits where cases are told apart",
        "use StringEqualsIgnoreCase or lower-case digits"},
       case_of_pcr},
      {{"measurement-size", error, "not 96 hexadecimal digits", "write the SHA-384 value"},
       size_of_pcr},
      {{"condition-has-no-effect", error, "a register in a statement without such operations",
        "kms:RecipientAttestation is for Decrypt, GenerateDataKey, GenerateDataKeyPair, "
        "DeriveSharedSecret and GenerateRandom"},
       wrong_operation},
      {{"not-action-allow", error, "NotAction with Allow", "list the actions"}, not_action},
      {{"admin-can-use", error, "one principal manages and uses the key",
        "give management and use to different principals"},
       admin_uses},
      {{"statement-without-resource", warning, "a key policy statement that does nothing",
        "add \"Resource\": \"*\""},
       no_resource},
  };
  return all;
}

}  // namespace

const std::vector<LintRule>& lint_rules() {
  static const std::vector<LintRule> all = [] {
    std::vector<LintRule> out;
    for (const Rule& rule : rules()) out.push_back(rule.about);
    return out;
  }();
  return all;
}

std::vector<Finding> lint(const Document& document) {
  std::vector<Finding> out;
  for (std::size_t i = 0; i < document.statements.size(); ++i) {
    const Statement& statement = document.statements[i];
    for (const auto& [about, check] : rules()) {
      std::string detail = check({.document = document, .statement = statement});
      if (detail.empty()) continue;
      out.push_back({.id = about.id,
                     .severity = about.severity,
                     .statement = statement_name(statement, i),
                     .detail = std::move(detail),
                     .fix = about.fix});
    }
  }
  return out;
}

std::string_view severity_name(Severity severity) noexcept {
  return severity == Severity::error ? "error" : "warning";
}

json::object to_json(const Finding& finding) {
  return {{"id", finding.id},
          {"severity", severity_name(finding.severity)},
          {"statement", finding.statement},
          {"detail", finding.detail},
          {"fix", finding.fix}};
}

}  // namespace cofferdam::policy
