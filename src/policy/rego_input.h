// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attest/document.h"
#include "attest/verifier.h"
#include "base/json.h"
#include "base/time.h"
#include "crypto/digest.h"

// The input document of every policy (docs/rego.md, "Input"): what the caller verified itself and
// nothing else. Members that are not known are left out, so a rule that needs one is undefined and
// denies.
namespace cofferdam::policy {

// Who asks, as its attestation proves.
struct AttestationInput {
  std::string module_id;
  Timestamp timestamp;
  attest::Pcrs pcrs;
  std::optional<std::string> name = {};       // Of a verified release manifest.
  std::optional<std::uint64_t> release = {};  // Its number.

  static AttestationInput of(const attest::VerifiedDocument& document);
};

// What is asked for. `kind` is "secret", "kms", "credentials", "file", "identity" or a name of the
// caller's own; the rest is set as far as the kind has it.
struct RequestInput {
  std::string kind;
  std::optional<std::string> secret = {};     // Name in the measured configuration.
  std::optional<std::string> operation = {};  // "Decrypt"
  std::optional<std::string> key = {};        // Full ARN
  json::object context = {};                  // Encryption context, text to text.
  std::optional<std::string> role = {};       // Full ARN
  std::optional<std::string> session_name = {};
  std::optional<std::chrono::seconds> duration = {};
  std::optional<std::string> audience = {};
};

// The process at the other end of a local socket, as the kernel and its executable say. Of a
// TCP connection only the user may be known.
struct PeerInput {
  uid_t uid = 0;
  std::optional<gid_t> gid = {};
  std::optional<pid_t> pid = {};
  std::optional<std::string> executable = {};  // Path
  std::optional<crypto::Sha384> sha384 = {};   // Of the executable's bytes.
};

struct RegoInput {
  std::optional<AttestationInput> attestation = {};
  RequestInput request;
  std::optional<PeerInput> peer = {};
  Timestamp time;
};

json::object to_json(const RegoInput& input);

// A request in the form that to_json() gives it, from a captured file. Unknown members are refused.
Result<RequestInput> parse_request(const json::object& object);

}  // namespace cofferdam::policy
