// SPDX-License-Identifier: Apache-2.0
#include "policy/document.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <set>
#include <utility>

#include "policy/arn.h"
#include "policy/text.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kArnColonsBeforeResource = 5;

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, kMalformedPolicy, std::move(detail));
}

bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

Result<std::string> text_of(const json::value& value, std::string_view element) {
  if (!value.is_string()) return malformed("Element " + in_quotes(element) + " must be a string");
  return std::string(value.get_string());
}

// One string, or a list of one or more.
Result<std::vector<std::string>> texts_of(const json::value& value, std::string_view element) {
  if (!value.is_array()) {
    COFFERDAM_TRY(auto text, text_of(value, element));
    return std::vector<std::string>{std::move(text)};
  }
  if (value.get_array().empty()) return malformed("Element " + in_quotes(element) + " is empty");
  std::vector<std::string> out;
  for (const auto& entry : value.get_array()) {
    COFFERDAM_TRY(auto text, text_of(entry, element));
    out.push_back(std::move(text));
  }
  return out;
}

// Condition values may also be written as JSON booleans and numbers.
Result<std::string> condition_value(const json::value& value, std::string_view key) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool() || value.is_number()) return json::serialize(value);
  return malformed("Condition values of " + in_quotes(key) + " must be strings");
}

Status refuse_unknown_members(const json::object& object,
                              std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object) {
    if (std::ranges::find(known, std::string_view(name)) == known.end()) {
      return malformed("Unknown field " + in_quotes(name));
    }
  }
  return {};
}

// KMS admits tab, line feed, carriage return and the printable part of Latin-1.
bool is_key_policy_text(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet == 0xc2 || octet == 0xc3) {
      const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
      if (octet == 0xc2 && next < 0xa0) return false;
      ++i;
    } else if (octet > 0x7e || (octet < 0x20 && octet != '\t' && octet != '\n' && octet != '\r')) {
      return false;
    }
  }
  return true;
}

// Reads one document: knows what the kind of policy and the version ask for.
bool names_principals(PolicyKind kind) noexcept {
  return kind == PolicyKind::key || kind == PolicyKind::resource || kind == PolicyKind::trust;
}

class Parser {
 public:
  explicit Parser(PolicyKind kind) : kind_(kind) {}

  Result<Document> document(const json::value& value) {
    if (!value.is_object()) return malformed("Syntax errors in policy.");
    const auto& object = value.get_object();
    COFFERDAM_CHECK(refuse_unknown_members(object, {"Version", "Id", "Statement"}));
    Document out;
    out.kind = kind_;
    if (const auto* version = object.if_contains("Version")) {
      COFFERDAM_TRY(out.variables, has_variables(*version));
    }
    variables_ = out.variables;
    if (const auto* id = object.if_contains("Id")) {
      COFFERDAM_TRY(out.id, text_of(*id, "Id"));
    }
    const auto* statements = object.if_contains("Statement");
    if (statements == nullptr) return malformed("Missing required field Statement");
    COFFERDAM_TRY(out.statements, statement_list(*statements));
    return out;
  }

 private:
  static Result<bool> has_variables(const json::value& version) {
    COFFERDAM_TRY(const auto text, text_of(version, "Version"));
    if (text == "2012-10-17") return true;
    if (text == "2008-10-17") return false;
    return malformed("Version must be 2012-10-17 or 2008-10-17, not " + in_quotes(text));
  }

  Result<std::vector<Statement>> statement_list(const json::value& value) {
    std::vector<Statement> out;
    if (value.is_object()) {
      COFFERDAM_TRY(auto only, statement(value));
      out.push_back(std::move(only));
      return out;
    }
    if (!value.is_array() || value.get_array().empty()) {
      return malformed("Statement must be a statement or a list of one or more");
    }
    std::set<std::string> sids;
    for (const auto& entry : value.get_array()) {
      COFFERDAM_TRY(auto next, statement(entry));
      if (!next.sid.empty() && !sids.insert(next.sid).second) {
        return malformed("Statement IDs (SID) in a single policy must be unique.");
      }
      out.push_back(std::move(next));
    }
    return out;
  }

  Result<Statement> statement(const json::value& value) {
    if (!value.is_object()) return malformed("Syntax errors in policy.");
    const auto& object = value.get_object();
    COFFERDAM_CHECK(
        refuse_unknown_members(object, {"Sid", "Effect", "Principal", "NotPrincipal", "Action",
                                        "NotAction", "Resource", "NotResource", "Condition"}));
    Statement out;
    COFFERDAM_TRY(out.sid, sid(object));
    COFFERDAM_TRY(out.effect, effect(object));
    COFFERDAM_TRY(out.principal, principal(object));
    COFFERDAM_TRY(out.action, action(object));
    COFFERDAM_TRY(out.resource, resource(object));
    if (const auto* condition = object.if_contains("Condition")) {
      COFFERDAM_TRY(out.conditions, conditions(*condition));
    }
    return out;
  }

  Result<std::string> sid(const json::object& object) const {
    const auto* value = object.if_contains("Sid");
    if (value == nullptr) return std::string();
    COFFERDAM_TRY(auto text, text_of(*value, "Sid"));
    if (kind_ != PolicyKind::key && !std::ranges::all_of(text, is_alphanumeric)) {
      return malformed("Statement IDs (SID) may hold letters and digits only");
    }
    return text;
  }

  static Result<Effect> effect(const json::object& object) {
    const auto* value = object.if_contains("Effect");
    if (value == nullptr) return malformed("Missing required field Effect");
    COFFERDAM_TRY(const auto text, text_of(*value, "Effect"));
    if (text == "Allow") return Effect::allow;
    if (text == "Deny") return Effect::deny;
    return malformed("Invalid effect: " + in_quotes(text));
  }

  // `name` or "Not" + `name`, not both. The value is nullptr when there is neither.
  struct Choice {
    const json::value* value = nullptr;
    bool negated = false;
  };
  static Result<Choice> either(const json::object& object, std::string_view name) {
    const auto* plain = object.if_contains(name);
    const auto* negated = object.if_contains("Not" + std::string(name));
    if (plain != nullptr && negated != nullptr) {
      return malformed("A statement has both " + std::string(name) + " and Not" +
                       std::string(name));
    }
    return Choice{.value = plain != nullptr ? plain : negated, .negated = negated != nullptr};
  }

  std::unexpected<Error> invalid_principal() const {
    return malformed(kind_ == PolicyKind::key
                         ? "Policy contains a statement with one or more invalid principals."
                         : "Invalid principal in policy");
  }

  Result<std::optional<Selector<PrincipalPattern>>> principal(const json::object& object) const {
    COFFERDAM_TRY(const auto choice, either(object, "Principal"));
    if (choice.value == nullptr) {
      if (!names_principals(kind_)) return std::nullopt;
      return malformed(kind_ == PolicyKind::key ? "Policy contains a statement with no principal."
                                                : "Missing required field Principal");
    }
    if (!names_principals(kind_)) {
      return malformed("Policy document should not specify a principal.");
    }
    Selector<PrincipalPattern> out{.entries = {}, .negated = choice.negated};
    if (choice.value->is_string() && choice.value->get_string() == "*") {
      out.entries.push_back({});
      return out;
    }
    if (!choice.value->is_object() || choice.value->get_object().empty()) {
      return invalid_principal();
    }
    for (const auto& [type, names] : choice.value->get_object()) {
      COFFERDAM_TRY(const auto texts, texts_of(names, "Principal"));
      for (const auto& text : texts) {
        COFFERDAM_TRY(auto pattern, principal_pattern(type, text));
        out.entries.push_back(std::move(pattern));
      }
    }
    return out;
  }

  Result<PrincipalPattern> principal_pattern(std::string_view type, const std::string& text) const {
    using Kind = PrincipalPattern::Kind;
    if (type == "AWS") return aws_principal(text);
    if (type == "Service" && text.contains('.') &&
        text.find_first_of("*?:/ ") == std::string::npos) {
      return PrincipalPattern{.kind = Kind::service, .value = text};
    }
    if (type == "Federated" && !text.empty() && text.find_first_of("*? ") == std::string::npos) {
      return PrincipalPattern{.kind = Kind::federated, .value = text};
    }
    return invalid_principal();
  }

  Result<PrincipalPattern> aws_principal(const std::string& text) const {
    using Kind = PrincipalPattern::Kind;
    if (text == "*") return PrincipalPattern{};
    if (is_account_id(text)) return PrincipalPattern{.kind = Kind::account, .value = text};
    const auto arn = parse_arn(text);
    if (!arn || !(arn->partition == "aws" || arn->partition.starts_with("aws-")) ||
        !is_account_id(arn->account) || !arn->region.empty() ||
        text.find_first_of("*?") != std::string::npos) {
      return invalid_principal();
    }
    if (arn->service == "iam" && arn->resource == "root") {
      return PrincipalPattern{.kind = Kind::account, .value = arn->account};
    }
    if ((arn->service == "iam" && arn->resource.starts_with("role/")) ||
        principal_from_arn(text).has_value()) {
      return PrincipalPattern{.kind = Kind::aws, .value = text};
    }
    return invalid_principal();
  }

  static Result<Selector<std::string>> action(const json::object& object) {
    COFFERDAM_TRY(const auto choice, either(object, "Action"));
    if (choice.value == nullptr) return malformed("Missing required field Action");
    Selector<std::string> out{.entries = {}, .negated = choice.negated};
    COFFERDAM_TRY(out.entries, texts_of(*choice.value, "Action"));
    for (const auto& entry : out.entries) COFFERDAM_CHECK(check_action(entry));
    return out;
  }

  static Status check_action(std::string_view text) {
    if (text == "*") return {};
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
      return malformed(
          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    }
    const auto vendor_character = [](char c) { return is_alphanumeric(c) || c == '-'; };
    const auto name_character = [](char c) { return is_alphanumeric(c) || c == '*' || c == '?'; };
    if (!std::ranges::all_of(text.substr(0, colon), vendor_character)) {
      return malformed("Vendor of action " + in_quotes(text) + " is not valid");
    }
    if (!std::ranges::all_of(text.substr(colon + 1), name_character)) {
      return malformed("Action " + in_quotes(text) + " is not valid");
    }
    return {};
  }

  Result<std::optional<Selector<std::string>>> resource(const json::object& object) const {
    COFFERDAM_TRY(const auto choice, either(object, "Resource"));
    if (choice.value == nullptr) {
      if (kind_ == PolicyKind::key || kind_ == PolicyKind::trust) return std::nullopt;
      return malformed("Policy statement must contain resources.");
    }
    if (kind_ == PolicyKind::trust) return malformed("Has prohibited field Resource");
    Selector<std::string> out{.entries = {}, .negated = choice.negated};
    COFFERDAM_TRY(out.entries, texts_of(*choice.value, "Resource"));
    for (const auto& entry : out.entries) COFFERDAM_CHECK(check_resource(entry));
    return out;
  }

  Status check_resource(std::string_view text) const {
    if (text == "*") return {};
    if (!text.starts_with("arn:")) {
      return malformed("Resource " + in_quotes(text) + " must be in ARN format or \"*\".");
    }
    const auto variable = variables_ ? text.find("${") : std::string_view::npos;
    if (variable != std::string_view::npos && std::ranges::count(text.substr(0, variable), ':') <
                                                  std::ptrdiff_t{kArnColonsBeforeResource}) {
      return malformed("Resource " + in_quotes(text) +
                       " has a policy variable before the resource part of the ARN");
    }
    return {};
  }

  static Result<std::vector<Condition>> conditions(const json::value& value) {
    if (!value.is_object()) return malformed("Syntax errors in policy.");
    std::vector<Condition> out;
    for (const auto& [operator_name, keys] : value.get_object()) {
      const auto op = parse_operator(operator_name);
      if (!op) return malformed("Invalid Condition type : " + in_quotes(operator_name));
      if (!keys.is_object()) return malformed("Syntax errors in policy.");
      for (const auto& [key, values] : keys.get_object()) {
        COFFERDAM_TRY(auto next, condition(operator_name, *op, key, values));
        out.push_back(std::move(next));
      }
    }
    return out;
  }

  static Result<Condition> condition(std::string_view operator_name, const Operator& op,
                                     std::string_view key, const json::value& values) {
    if (key.find(':') == std::string_view::npos || key.starts_with(':')) {
      return malformed(
          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    }
    Condition out{.operator_name = std::string(operator_name),
                  .op = op,
                  .key = std::string(key),
                  .values = {}};
    if (!values.is_array()) {
      COFFERDAM_TRY(auto text, condition_value(values, key));
      out.values.push_back(std::move(text));
    } else {
      for (const auto& entry : values.get_array()) {
        COFFERDAM_TRY(auto text, condition_value(entry, key));
        out.values.push_back(std::move(text));
      }
    }
    if (out.values.empty()) return malformed("Condition on " + in_quotes(key) + " has no values");
    if (auto checked = check_values(out); !checked) return malformed(checked.error().detail);
    return out;
  }

  PolicyKind kind_;
  bool variables_ = false;
};

json::array to_array(const std::vector<std::string>& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

std::string_view type_name(PrincipalPattern::Kind kind) noexcept {
  switch (kind) {
    case PrincipalPattern::Kind::service:
      return "Service";
    case PrincipalPattern::Kind::federated:
      return "Federated";
    case PrincipalPattern::Kind::anyone:
    case PrincipalPattern::Kind::account:
    case PrincipalPattern::Kind::aws:
      break;
  }
  return "AWS";
}

// Grouped by type in order of first use, which is the order parsing gives back.
json::object principal_json(const std::vector<PrincipalPattern>& patterns) {
  json::object out;
  for (const auto& pattern : patterns) {
    auto& list = out[type_name(pattern.kind)];
    if (!list.is_array()) list.emplace_array();
    const bool anyone = pattern.kind == PrincipalPattern::Kind::anyone;
    list.get_array().emplace_back(anyone ? "*" : pattern.value);
  }
  return out;
}

json::object statement_json(const Statement& statement) {
  const auto name = [](bool negated, const char* plain) {
    return negated ? "Not" + std::string(plain) : std::string(plain);
  };
  json::object out;
  if (!statement.sid.empty()) out["Sid"] = statement.sid;
  out["Effect"] = statement.effect == Effect::allow ? "Allow" : "Deny";
  if (const auto& principal = statement.principal) {
    out[name(principal->negated, "Principal")] = principal_json(principal->entries);
  }
  out[name(statement.action.negated, "Action")] = to_array(statement.action.entries);
  if (const auto& resource = statement.resource) {
    out[name(resource->negated, "Resource")] = to_array(resource->entries);
  }
  if (statement.conditions.empty()) return out;
  json::object conditions;
  for (const auto& condition : statement.conditions) {
    auto& keys = conditions[condition.operator_name];
    if (!keys.is_object()) keys.emplace_object();
    keys.get_object()[condition.key] = to_array(condition.values);
  }
  out["Condition"] = std::move(conditions);
  return out;
}

}  // namespace

std::size_t max_policy_size(PolicyKind kind) noexcept {
  switch (kind) {
    case PolicyKind::key:
      return kMaxKeyPolicySize;
    case PolicyKind::resource:
      return kMaxResourcePolicySize;
    case PolicyKind::identity:
      return kMaxIdentityPolicySize;
    case PolicyKind::session:
      return kMaxSessionPolicySize;
    case PolicyKind::service_control:
      return kMaxServiceControlPolicySize;
    case PolicyKind::trust:
      return kMaxTrustPolicySize;
  }
  return 0;
}

Result<Document> parse_document(std::string_view text, PolicyKind kind, std::size_t max_size) {
  if (kind == PolicyKind::key && !is_key_policy_text(text)) {
    return malformed("A key policy may hold printable Latin-1, tabs and line ends only");
  }
  const auto value = parse_json(text, max_size, kMaxDepth);
  if (!value) return malformed(value.error().detail);
  return Parser(kind).document(*value);
}

json::value to_json(const Document& document) {
  json::object out;
  out["Version"] = document.variables ? "2012-10-17" : "2008-10-17";
  if (!document.id.empty()) out["Id"] = document.id;
  json::array statements;
  for (const auto& statement : document.statements) {
    statements.emplace_back(statement_json(statement));
  }
  out["Statement"] = std::move(statements);
  return out;
}

}  // namespace cofferdam::policy
