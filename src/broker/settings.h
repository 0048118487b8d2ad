// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/verifier.h"
#include "base/json.h"
#include "base/time.h"
#include "broker/keys.h"
#include "broker/token_service.h"
#include "net/endpoint.h"
#include "policy/rego.h"

namespace cofferdam::broker {

// What was said on the command line, as text; and likewise in the file of --config, whose
// keys are named in docs/identity.md.
struct Arguments {
  std::string config;
  std::string issuer;
  std::string listen;
  std::string metrics;
  std::string data;
  std::string root;  // Empty: AWS's.
  std::vector<std::string> release_manifests;
  std::string unknown_releases;  // "deny" or "policy"; empty: deny.
  std::vector<std::string> policies;
  std::string policy_data;
  std::vector<std::string> audiences;
  std::string tls_cert;
  std::string tls_key;
  std::string decision_log;    // Empty: decisions.jsonl in the data folder.
  std::string token_lifetime;  // "15m"
  std::string key_period;
  std::string key_ahead;
};

// The file's text, strictly: an unknown or repeated key or a wrong type is
// Errc::invalid_input, which names it.
Result<Arguments> parse_config(std::string_view text, const std::string& file);

// Flags and file together. Lists add up; what can be said once must not be said in both.
Result<Arguments> merge(Arguments flags, Arguments file);

// What the arguments mean, checked, with what their files hold.
struct Settings {
  net::Endpoint listen;
  std::optional<net::Endpoint> metrics;
  std::filesystem::path data;
  std::filesystem::path decision_log;
  std::filesystem::path tls_cert;  // Empty: plain HTTP.
  std::filesystem::path tls_key;
  attest::TrustRoot root = attest::TrustRoot::aws();
  KeySchedule schedule;
  TokenSettings tokens;
  std::vector<policy::RegoModule> modules;
  json::object policy_data;  // {"config": ...}
  std::string fixed;         // What a reload cannot change, as one text to compare.
};

// Reads every file that is named. `now` is for the dates in manifests.
Result<Settings> settings_of(const Arguments& flags, Timestamp now);

// https, or plain http on loopback; a host, and maybe a port and a path; no slash at the end.
// Tokens carry it as "iss" and AWS registers it as the provider.
Status check_issuer(std::string_view url);

}  // namespace cofferdam::broker
