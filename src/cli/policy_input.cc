// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "attest/verifier.h"
#include "base/file.h"
#include "base/time.h"
#include "cli/policy_commands.h"
#include "policy/rego_input.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(The request is {"kind": ..., "secret": ..., "operation": ..., "key": ..., "context": {...},
"role": ..., "sessionName": ..., "duration": SECONDS, "audience": ...}; all but kind may be absent.
The document is verified first, as attest verify does: nothing unverified becomes input.
Exit status: 0 printed, 1 the document or the request is refused, 2 usage, 3 environment.

Example:
  $ cofferdam policy fmt-input --document doc.bin --request request.json --uid 1000 \
      --executable build/app > input.json)";

constexpr std::size_t kMaxDocumentFile = 4 * attest::kMaxDocumentSize;
constexpr std::size_t kMaxRootFile = std::size_t{64} * 1024;
constexpr std::size_t kMaxExecutable = std::size_t{256} * 1024 * 1024;

struct InputCommand {
  std::string document;
  std::string root;
  std::string at;
  bool allow_debug = false;
  std::string request;
  std::optional<uid_t> uid;
  gid_t gid = 0;
  pid_t pid = 0;
  std::string executable;
};

Result<policy::AttestationInput> read_attestation(const InputCommand& command, Timestamp at) {
  COFFERDAM_TRY(const Bytes file, read_file(command.document, kMaxDocumentFile));
  COFFERDAM_TRY(const Bytes document, attest::decode_document_input(file));
  auto root = attest::TrustRoot::aws();
  if (!command.root.empty()) {
    COFFERDAM_TRY(const std::string pem, read_text_file(command.root, kMaxRootFile));
    COFFERDAM_TRY(root, attest::TrustRoot::from_pem(pem));
  }
  const attest::Verifier verifier(std::move(root));
  COFFERDAM_TRY(const attest::VerifiedDocument verified,
                verifier.verify(document, {.at = at, .allow_debug = command.allow_debug}));
  return policy::AttestationInput::of(verified);
}

Result<policy::PeerInput> read_peer(const InputCommand& command) {
  policy::PeerInput out{.uid = *command.uid, .gid = command.gid, .pid = command.pid};
  if (command.executable.empty()) return out;
  COFFERDAM_TRY(const Bytes program, read_file(command.executable, kMaxExecutable));
  out.executable = command.executable;
  out.sha384 = crypto::sha384(program);
  return out;
}

Result<policy::RegoInput> read_input(const InputCommand& command) {
  policy::RegoInput out{.request = {}, .time = SystemClock().now()};
  if (!command.at.empty()) {
    COFFERDAM_TRY(out.time, parse_rfc3339(command.at));
  }
  COFFERDAM_TRY(const json::value request, read_json_file(command.request));
  if (!request.is_object()) return fail(Errc::invalid_input, "the request is not a JSON object");
  COFFERDAM_TRY(out.request, policy::parse_request(request.get_object()));
  if (!command.document.empty()) {
    COFFERDAM_TRY(out.attestation, read_attestation(command, out.time));
  }
  if (command.uid) {
    COFFERDAM_TRY(out.peer, read_peer(command));
  }
  return out;
}

}  // namespace

void add_policy_input(CLI::App& policy, Exit& exit) {
  auto command = std::make_shared<InputCommand>();
  CLI::App* const input =
      policy.add_subcommand("fmt-input", "Make the input of a policy from its parts");
  input->footer(kFooter);
  input->add_option("--request", command->request, "What is asked for")
      ->required()
      ->type_name("FILE");
  auto* const document =
      input->add_option("--document", command->document, "An attestation document")
          ->type_name("FILE");
  input->add_option("--root", command->root, "PEM of its root instead of AWS's")
      ->type_name("FILE")
      ->needs(document);
  input->add_option("--at", command->at, "RFC 3339: the time of the request instead of now");
  input->add_flag("--allow-debug", command->allow_debug, "Take a document of debug mode")
      ->needs(document);
  auto* const uid = input->add_option("--uid", command->uid, "The user of the process that asks");
  input->add_option("--gid", command->gid, "Its group")->needs(uid);
  input->add_option("--pid", command->pid, "Its number")->needs(uid);
  input->add_option("--executable", command->executable, "Its program, whose hash is taken")
      ->type_name("FILE")
      ->needs(uid);
  input->callback([command, &exit] {
    const auto made = read_input(*command);
    exit = made ? Exit::ok : exit_for(made.error());
    if (made) {
      std::cout << pretty_json(policy::to_json(*made));
    } else {
      print_error(made.error());
    }
  });
}

}  // namespace cofferdam::cli
