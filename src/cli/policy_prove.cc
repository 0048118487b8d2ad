// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>

#include "base/file.h"
#include "cli/pcr_option.h"
#include "cli/policy_commands.h"
#include "policy/arn.h"
#include "policy/prove.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Asks: is there any request by any principal that yields plaintext under the key, or changes who
can, without an attestation document with these measurements? Users and roles that are not given
may hold any permission, unless --closed says that their account has no others.
The last step of a counterexample is a request for cofferdam cloud explain --request.
Exit status: 0 proved, 1 a counterexample, 2 usage, 3 undecided or environment.

Example:
  $ cofferdam policy prove --key-policy $KEY_ARN=key.json --pcr 8=$PCR8 --administrator $ADMIN
  $ cofferdam policy prove --key-policy $KEY_ARN=key.json --pcr 0=$PCR0 --pcr 8=$PCR8 \
      --administrator $ADMIN --closed 111122223333 --identity $ROLE=role.json \
      --trust $ADMIN=trust.json --grants grants.json --json)";

struct ProveCommand {
  std::vector<std::string> keys, identities, organization, trust, grants, pcrs;
  std::vector<std::string> administrators, closed;
  std::string request;
  bool json = false;
};

// "NAME=FILE".
struct Named {
  std::string name;
  std::string file;
};

Result<Named> named(std::string_view option, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return fail(Errc::invalid_input, std::string(option) + ": expected NAME=FILE");
  }
  return Named{.name = text.substr(0, equals), .file = text.substr(equals + 1)};
}

Status read_keys(const ProveCommand& command, policy::ProofQuestion& out) {
  for (const std::string& text : command.keys) {
    COFFERDAM_TRY(const Named key, named("--key-policy", text));
    COFFERDAM_TRY(policy::AttachedPolicy read, read_policy(key.file, policy::PolicyKind::key));
    out.keys.push_back({.arn = key.name, .policy = std::move(read), .grants = {}});
  }
  for (const std::string& text : command.grants) {
    const bool has_arn = text.starts_with("arn:");
    if (!has_arn && out.keys.size() != 1) {
      return fail(Errc::invalid_input, "--grants: with several keys give KEY_ARN=FILE");
    }
    const Named file{.name = out.keys.front().arn, .file = text};
    COFFERDAM_TRY(const Named grants, has_arn ? named("--grants", text) : Result<Named>(file));
    COFFERDAM_TRY(const std::string list, read_text_file(grants.file, policy::kMaxGrantsSize));
    const auto key = std::ranges::find(out.keys, grants.name, &policy::ProofKey::arn);
    if (key == out.keys.end()) {
      return fail(Errc::invalid_input, "--grants: no --key-policy is of " + grants.name);
    }
    COFFERDAM_TRY(auto parsed, policy::parse_grants(list));
    key->grants.insert(key->grants.end(), parsed.begin(), parsed.end());
  }
  return {};
}

Status read_identities(const ProveCommand& command, policy::ProofQuestion& out) {
  for (const std::string& text : command.identities) {
    COFFERDAM_TRY(const Named one, named("--identity", text));
    COFFERDAM_TRY(policy::AttachedPolicy read, read_policy(one.file, policy::PolicyKind::identity));
    auto known = std::ranges::find(out.identities, one.name, &policy::ProofIdentity::arn);
    if (known == out.identities.end()) {
      out.identities.push_back({.arn = one.name, .policies = {}});
      known = out.identities.end() - 1;
    }
    known->policies.push_back(std::move(read));
  }
  for (const std::string& text : command.trust) {
    COFFERDAM_TRY(const Named one, named("--trust", text));
    COFFERDAM_TRY(policy::AttachedPolicy read, read_policy(one.file, policy::PolicyKind::trust));
    if (!out.trust.emplace(one.name, std::move(read)).second) {
      return fail(Errc::invalid_input, "--trust: " + one.name + " is given twice");
    }
  }
  for (const std::string& text : command.organization) {
    COFFERDAM_TRY(const Named one, named("--scp", text));
    if (!policy::is_account_id(one.name)) {
      return fail(Errc::invalid_input, "--scp: expected ACCOUNT=FILE");
    }
    COFFERDAM_TRY(policy::AttachedPolicy read,
                  read_policy(one.file, policy::PolicyKind::service_control));
    out.organization[one.name].push_back(std::move(read));
  }
  return {};
}

Result<policy::ProofQuestion> read_question(const ProveCommand& command) {
  policy::ProofQuestion out;
  for (const std::string& text : command.pcrs) {
    attest::Pcrs one;  // A register may be given several times: any of its values will do.
    COFFERDAM_CHECK(read_pcr_option(text, one));
    const auto& [index, value] = *one.begin();
    out.pins[index].push_back(value);
  }
  COFFERDAM_CHECK(read_keys(command, out));
  COFFERDAM_CHECK(read_identities(command, out));
  out.administrators.insert(command.administrators.begin(), command.administrators.end());
  out.closed_accounts.insert(command.closed.begin(), command.closed.end());
  return out;
}

void print_for_people(const policy::Proof& proof) {
  const json::object printed = policy::to_json(proof);
  std::cout << std::string_view(printed.at("verdict").as_string()) << ": " << proof.detail << '\n';
  for (const std::string& one : proof.assumptions) std::cout << "  assumed: " << one << '\n';
  for (const json::value& step : printed.at("steps").as_array()) std::cout << pretty_json(step);
}

Result<Exit> run(const ProveCommand& command) {
  COFFERDAM_TRY(const policy::ProofQuestion question, read_question(command));
  COFFERDAM_TRY(const policy::Proof proof, policy::prove(question));
  if (command.json) {
    std::cout << pretty_json(policy::to_json(proof));
  } else {
    print_for_people(proof);
  }
  if (proof.verdict == policy::ProofVerdict::proved) return Exit::ok;
  if (proof.verdict == policy::ProofVerdict::undecided) return Exit::environment;
  if (!command.request.empty()) {
    const std::string text = pretty_json(policy::request_json(proof.steps.back()));
    COFFERDAM_CHECK(write_file_atomic(command.request, as_bytes(text)));
  }
  return Exit::negative;
}

// What was typed wrongly is usage; a file that cannot be read is the environment.
Exit exit_of(const Error& error) {
  return error.code == Errc::invalid_input ? Exit::usage : Exit::environment;
}

void add_options(CLI::App& prove, ProveCommand& command) {
  prove.add_option("--key-policy", command.keys, "Policy of a key")
      ->required()
      ->type_name("KEY_ARN=FILE");
  prove.add_option("--pcr", command.pcrs, "Measurement that a document must have")
      ->required()
      ->type_name("N=HEX");
  prove.add_option("--identity", command.identities, "Policy of a user or role")
      ->type_name("ARN=FILE");
  prove.add_option("--trust", command.trust, "Trust policy of a role")->type_name("ROLE_ARN=FILE");
  prove.add_option("--scp", command.organization, "Service control policy of an account")
      ->type_name("ACCOUNT=FILE");
  prove.add_option("--grants", command.grants, "Output of aws kms list-grants")
      ->type_name("[KEY_ARN=]FILE");
  prove
      .add_option("--administrator", command.administrators, "Trusted to change policy and grants")
      ->type_name("ARN");
  prove.add_option("--closed", command.closed, "Account whose users and roles are all given")
      ->type_name("ACCOUNT");
  prove.add_option("--request", command.request, "Write the request of a counterexample here")
      ->type_name("FILE");
  prove.add_flag("--json", command.json, "For programs");
}

}  // namespace

void add_policy_prove(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<ProveCommand>();
  CLI::App* const prove = policy.add_subcommand(
      "prove", "Prove that a key is of no use outside the enclave, or show how it is");
  prove->footer(kFooter);
  add_options(*prove, *command);
  prove->callback([command, &exit] {
    const auto done = run(*command);
    exit = done ? *done : exit_of(done.error());
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
