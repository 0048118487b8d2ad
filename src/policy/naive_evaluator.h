// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

// A second evaluation of policies, for tests: slow, straight from the documentation, working
// on the JSON itself and sharing no code with the real one. It knows only the operators and
// principals that the random tests use.
namespace cofferdam::policy::naive {

struct Requester {
  std::string kind;  // "root", "user" or "session"
  std::string arn;
  std::string role;  // Of a session.
  std::string account;
};

struct Question {
  Requester requester;
  std::string action;
  std::string resource;
  std::string resource_account;
  std::map<std::string, std::vector<std::string>> context;  // Keys in lower case.
};

struct Policies {
  std::optional<json::value> resource;
  std::vector<json::value> identity;
  std::optional<json::value> boundary;
  std::optional<std::vector<json::value>> session;
  std::vector<std::vector<json::value>> organization;
  bool resource_decides = true;
};

bool allowed(const Question& question, const Policies& policies);

}  // namespace cofferdam::policy::naive
