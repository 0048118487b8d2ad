// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::ledger {

// One release decision: who asked for what, what was measured, what was said. Never a
// secret, never a plaintext, never a ciphertext.
struct Decision {
  Timestamp time;         // Zero where nothing trustworthy had told the time yet: written as null.
  std::string component;  // "agent", "kms"
  // What was decided about: "release", "self_validation", or what a later part of the agent
  // names. Lower-case words, as in docs/ledger.md.
  std::string kind = "release";
  std::string request_id;
  bool allowed = false;
  std::string reason;           // Stable code; "ok" when allowed.
  std::string detail;           // For people.
  std::string operation;        // "Decrypt", "self_validation"
  std::string secret;           // Its name in the measured configuration, or empty.
  std::string key;              // Full ARN, or empty.
  std::string principal;        // ARN, or empty.
  std::string context_digest;   // Hex SHA-384 of the canonical encryption context, or empty.
  std::string document_digest;  // Hex SHA-384 of the attestation document, or empty.
  std::string module_id;
  std::map<int, std::string> pcrs;           // Hex.
  std::map<std::string, std::string> facts;  // What else the kind has to say; ASCII names.
};

// The members of a line in their order, without those that are empty. Texts are cut at
// 2 KiB and are UTF-8 whatever a peer put into them.
json::object to_json(const Decision& decision);
// The reverse, for those who show decisions: members it does not know are left out.
// Errc::invalid_input where one it knows has another type.
Result<Decision> parse_decision(const json::object& object);

// {"time":…,"component":…,"requestId":…,"decision":"allow"|"deny","reason":…,…} on one line.
std::string to_json_line(const Decision& decision);

// Where decisions go. A decision that cannot be recorded is not made: callers refuse
// the release when record() fails.
class DecisionLog {
 public:
  virtual ~DecisionLog() = default;
  virtual Status record(const Decision& decision) = 0;
  // Returns once everything recorded so far is durable. May be called from another thread.
  virtual Status sync() { return {}; }
};

// When a file is synced: by every record(), or only by sync(), for a caller that decides
// many releases at once and answers none of them before it has called sync().
enum class Syncing : std::uint8_t { every_record, on_request };

// Appends to a file.
Result<std::unique_ptr<DecisionLog>> open_decision_log(const std::filesystem::path& path,
                                                       Syncing syncing = Syncing::every_record);

// Keeps nothing. For tools that decide nothing.
std::unique_ptr<DecisionLog> discard_decisions();

// Canonical digest of an encryption context: SHA-384 over the CBOR map with its keys in
// bytewise order (docs/protocol.md), hexadecimal. Empty context: empty text.
std::string context_digest(const std::map<std::string, std::string>& context);

}  // namespace cofferdam::ledger
