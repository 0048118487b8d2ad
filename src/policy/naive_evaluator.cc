// SPDX-License-Identifier: Apache-2.0
#include "policy/naive_evaluator.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace cofferdam::policy::naive {
namespace {

using Strings = std::vector<std::string>;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Strings strings(const json::value& value) {
  if (value.is_string()) return {std::string(value.get_string())};
  Strings out;
  for (const auto& one : value.as_array()) out.emplace_back(one.as_string());
  return out;
}

bool like(const std::string& pattern, const std::string& text, std::size_t p = 0,
          std::size_t t = 0) {
  if (p == pattern.size()) return t == text.size();
  if (pattern[p] == '*') {
    return like(pattern, text, p + 1, t) || (t < text.size() && like(pattern, text, p, t + 1));
  }
  return t < text.size() && (pattern[p] == '?' || pattern[p] == text[t]) &&
         like(pattern, text, p + 1, t + 1);
}

Strings split(const std::string& text, char at, std::size_t pieces) {
  Strings out(1);
  for (const char c : text) {
    if (c == at && out.size() < pieces) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

// ARNs match part by part: a wildcard in one part does not reach into the next.
bool arn_like(const std::string& pattern, const std::string& text) {
  if (pattern == "*") return true;
  const Strings wanted = split(pattern, ':', 6);
  const Strings found = split(text, ':', 6);
  if (wanted.size() != 6 || found.size() != 6) return false;
  for (std::size_t i = 0; i < 6; ++i) {
    if (!like(wanted[i], found[i])) return false;
  }
  return true;
}

// Replaces the one variable that the tests use; nothing if the request has no such key.
std::optional<std::string> substitute(std::string text, const Question& question) {
  const std::string variable = "${aws:username}";
  const auto at = text.find(variable);
  if (at == text.npos) return text;
  const auto found = question.context.find("aws:username");
  if (found == question.context.end()) return std::nullopt;
  return text.replace(at, variable.size(), found->second.front());
}

bool compare(const std::string& test, const std::string& wanted, const std::string& found) {
  if (test == "StringEquals") return wanted == found;
  if (test == "StringEqualsIgnoreCase") return lower(wanted) == lower(found);
  if (test == "StringLike") return like(wanted, found);
  if (test == "ArnLike" || test == "ArnEquals") return arn_like(wanted, found);
  if (test == "Bool") return lower(wanted) == lower(found);
  if (test == "NumericEquals") return std::stod(found) == std::stod(wanted);
  if (test == "NumericLessThan") return std::stod(found) < std::stod(wanted);
  if (test == "NumericGreaterThanEquals") return std::stod(found) >= std::stod(wanted);
  // The tests write all dates in one form, in which the order of texts is that of times.
  if (test == "DateLessThan") return found < wanted;
  if (test == "DateGreaterThan") return found > wanted;
  throw std::logic_error("the naive evaluator does not know " + test);
}

struct Test {
  std::string quantifier;
  std::string name;
  bool negated = false;
  bool if_exists = false;
};

Test take_apart(std::string name) {
  Test out;
  if (const auto colon = name.find(':'); colon != name.npos) {
    out.quantifier = name.substr(0, colon);
    name = name.substr(colon + 1);
  }
  if (name.ends_with("IfExists")) {
    out.if_exists = true;
    name.resize(name.size() - 8);
  }
  if (const auto at = name.find("Not"); at != name.npos) {
    out.negated = true;
    name.erase(at, 3);
  }
  out.name = name;
  return out;
}

bool one_value_passes(const Test& test, const Strings& wanted, const std::string& found,
                      const Question& question) {
  const bool any = std::ranges::any_of(wanted, [&](const std::string& text) {
    const auto value = substitute(text, question);
    return value && compare(test.name, *value, found);
  });
  return any != test.negated;
}

bool condition_holds(const std::string& name, const std::string& key, const Strings& wanted,
                     const Question& question, bool in_deny) {
  const auto found = question.context.find(lower(key));
  const bool absent = found == question.context.end() || found->second.empty();
  if (name == "Null") return std::ranges::find(wanted, absent ? "true" : "false") != wanted.end();
  const Test test = take_apart(name);
  if (absent) {
    if (test.quantifier == "ForAllValues") return true;
    if (test.quantifier == "ForAnyValue") return false;
    return test.negated || test.if_exists;
  }
  const auto passes = [&](const std::string& value) {
    return one_value_passes(test, wanted, value, question);
  };
  if (test.quantifier == "ForAllValues") return std::ranges::all_of(found->second, passes);
  if (test.quantifier == "ForAnyValue") return std::ranges::any_of(found->second, passes);
  return found->second.size() == 1 ? passes(found->second.front()) : in_deny;
}

// 0 not named, 1 through the account, 2 through the role, 3 itself.
int closeness(const json::value& principal, const Requester& requester) {
  if (principal.is_string()) return 3;
  int best = 0;
  for (const std::string& name : strings(principal.at("AWS"))) {
    if (name == "*" || name == requester.arn) best = std::max(best, 3);
    if (requester.kind == "session" && name == requester.role) best = std::max(best, 2);
    const bool account =
        name == requester.account || name == "arn:aws:iam::" + requester.account + ":root";
    if (account) best = std::max(best, requester.kind == "root" && name == requester.arn ? 3 : 1);
  }
  return best;
}

// How close the statement is, or -1 if it does not speak about the question.
int speaks(const json::object& statement, const Question& question) {
  const bool in_deny = statement.at("Effect").as_string() == "Deny";
  const auto listed = [&](const char* name, const auto& match) {
    const auto* plain = statement.if_contains(name);
    const auto& entries = plain ? *plain : statement.at("Not" + std::string(name));
    return std::ranges::any_of(strings(entries), match) == (plain != nullptr);
  };
  if (!listed("Action", [&](const std::string& entry) {
        return like(lower(entry), lower(question.action));
      })) {
    return -1;
  }
  if (!listed("Resource", [&](const std::string& entry) {
        const auto value = substitute(entry, question);
        return value && arn_like(*value, question.resource);
      })) {
    return -1;
  }
  if (const auto* conditions = statement.if_contains("Condition")) {
    for (const auto& [name, keys] : conditions->as_object()) {
      for (const auto& [key, values] : keys.as_object()) {
        if (!condition_holds(name, key, strings(values), question, in_deny)) return -1;
      }
    }
  }
  const auto* principal = statement.if_contains("Principal");
  return principal == nullptr ? 3 : closeness(*principal, question.requester);
}

// The closest statement of this effect, 0 if there is none.
int closest(const json::value& policy, const std::string& effect, const Question& question) {
  int best = 0;
  for (const auto& statement : policy.at("Statement").as_array()) {
    if (statement.at("Effect").as_string() != effect) continue;
    best = std::max(best, speaks(statement.as_object(), question));
  }
  return best;
}

bool any(const std::vector<json::value>& policies, const std::string& effect,
         const Question& question) {
  return std::ranges::any_of(
      policies, [&](const json::value& policy) { return closest(policy, effect, question) > 0; });
}

}  // namespace

bool allowed(const Question& question, const Policies& policies) {
  std::vector<json::value> all = policies.identity;
  if (policies.resource) all.push_back(*policies.resource);
  if (policies.boundary) all.push_back(*policies.boundary);
  if (policies.session) all.insert(all.end(), policies.session->begin(), policies.session->end());
  for (const auto& level : policies.organization) all.insert(all.end(), level.begin(), level.end());
  if (any(all, "Deny", question)) return false;
  for (const auto& level : policies.organization) {
    if (!any(level, "Allow", question)) return false;
  }

  const bool same_account = question.requester.account == question.resource_account;
  const bool limits = (!policies.boundary || closest(*policies.boundary, "Allow", question) > 0) &&
                      (!policies.session || any(*policies.session, "Allow", question));
  const int resource = policies.resource ? closest(*policies.resource, "Allow", question) : 0;
  const bool identity = any(policies.identity, "Allow", question);
  const bool own = (identity && limits) || (question.requester.kind == "root" && !identity);
  if (same_account && resource == 3) return true;
  if (same_account && resource == 2 && limits) return true;
  if (same_account && (!policies.resource || !policies.resource_decides)) return own;
  return resource > 0 && own;
}

}  // namespace cofferdam::policy::naive
