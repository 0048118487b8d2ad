// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "policy/prove.h"

// testdata/policies: policies as people write them, each with what the prover must say.
namespace cofferdam::policy::testing_support {

struct CorpusCase {
  std::string name;
  std::string expect;
  std::string action;  // Of the counterexample; empty: any.
  ProofQuestion question;
};

inline AttachedPolicy corpus_policy(const json::value& value, PolicyKind kind) {
  return {.name = "corpus", .document = parse_document(json::serialize(value), kind).value()};
}

inline std::vector<std::string> corpus_texts(const json::object& object, std::string_view name) {
  std::vector<std::string> out;
  if (const json::value* list = object.if_contains(name)) {
    for (const json::value& one : list->as_array()) out.emplace_back(one.as_string());
  }
  return out;
}

inline json::object corpus_object(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr ? found->as_object() : json::object();
}

inline ProofQuestion corpus_question(const json::object& object) {
  ProofQuestion out;
  ProofKey key{.arn = std::string(object.at("key").as_string()),
               .policy = corpus_policy(object.at("keyPolicy"), PolicyKind::key),
               .grants = {}};
  if (const json::value* grants = object.if_contains("grants")) {
    key.grants = parse_grants(json::serialize(*grants)).value();
  }
  out.keys.push_back(std::move(key));
  for (const auto& [arn, policy] : corpus_object(object, "identities")) {
    out.identities.push_back({arn, {corpus_policy(policy, PolicyKind::identity)}});
  }
  for (const auto& [role, policy] : corpus_object(object, "trust")) {
    out.trust.emplace(role, corpus_policy(policy, PolicyKind::trust));
  }
  for (const auto& [account, policies] : corpus_object(object, "scp")) {
    for (const json::value& one : policies.as_array()) {
      out.organization[account].push_back(corpus_policy(one, PolicyKind::service_control));
    }
  }
  for (const auto& [index, values] : corpus_object(object, "pins")) {
    for (const json::value& one : values.as_array()) {
      out.pins[std::stoi(std::string(index))].push_back(from_hex(one.as_string()).value());
    }
  }
  for (auto& name : corpus_texts(object, "administrators")) out.administrators.insert(name);
  for (auto& account : corpus_texts(object, "closed")) out.closed_accounts.insert(account);
  return out;
}

inline std::vector<CorpusCase> corpus() {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("testdata/policies")) {
    if (entry.path().extension() == ".json") files.insert(entry.path());
  }
  std::vector<CorpusCase> out;
  for (const auto& file : files) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    const json::object object = parse_json(text.str(), std::size_t{1} << 20).value().as_object();
    out.push_back({.name = file.stem().string(),
                   .expect = std::string(object.at("expect").as_string()),
                   .action = optional_string(object, "action").value().value_or(""),
                   .question = corpus_question(object)});
  }
  return out;
}

}  // namespace cofferdam::policy::testing_support
