// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/http_url.h"
#include "parent/allow_list.h"
#include "parent/control.h"
#include "parent/egress.h"
#include "parent/ingress.h"
#include "parent/peers.h"

namespace cofferdam::parent {

// What was said on the command line, as text; and likewise in the file of --config, whose
// keys are named in docs/parent.md.
struct Arguments {
  std::string config;
  std::string control;
  std::string egress;
  std::string metrics;
  std::vector<std::string> allow;
  std::vector<std::string> ingress;
  std::vector<std::string> peers;
  std::string release_manifest;
  std::vector<std::string> offers;
  std::string credentials;  // "auto", "none" or a file; empty: auto.
  std::string ledger;
  std::string ledger_forward;
  std::string ledger_forward_ca;
  std::string state;
  std::optional<unsigned> drain_seconds;
  std::optional<unsigned> idle_seconds;
  std::optional<unsigned> connect_seconds;
  std::optional<unsigned> connections;
};

// The file's text, strictly: an unknown or repeated key or a wrong type is
// Errc::invalid_input, which names it.
Result<Arguments> parse_config(std::string_view text, const std::string& file);

// Flags and file together. Lists add up; what can be said once must not be said in both.
Result<Arguments> merge(Arguments flags, Arguments file);

enum class CredentialChoice : std::uint8_t { automatic, none, file };

// What the arguments mean, checked.
struct Settings {
  net::Endpoint control;
  net::Endpoint egress;
  std::optional<net::Endpoint> metrics;
  AllowList allowed;
  std::vector<IngressRule> doors;
  AllowedPeers peers;
  ControlOptions options;  // Without credentials.
  CredentialChoice credentials = CredentialChoice::automatic;
  std::filesystem::path credential_file;
  EgressOptions egress_options;
  IngressOptions ingress_options;
  std::optional<aws::HttpUrl> ledger_receiver;
  std::filesystem::path ledger_receiver_ca;  // Empty: the roots of this machine.
  std::chrono::seconds grace{10};
  // What a reload cannot change, as one text to compare.
  std::string fixed;
};

// Reads the file too, where one is named.
Result<Settings> settings_of(const Arguments& flags);

}  // namespace cofferdam::parent
