// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/evidence.h"
#include "agent/exit_report.h"
#include "agent/gauges.h"
#include "agent/http_channel.h"
#include "agent/ledger_sender.h"
#include "agent/offer.h"
#include "aws/credentials.h"
#include "base/time.h"
#include "ledger/decision.h"

namespace cofferdam::agent {

// What the parent lends, and until when as far as it says.
struct LentCredentials {
  aws::Credentials credentials;
  std::optional<Timestamp> expiration;
};

inline constexpr std::size_t kMaxStateSize = std::size_t{1024} * 1024;

// The parent's control endpoint, seen from inside: docs/protocol.md. Everything it says is
// data to verify. Each question takes the proof that the boot has come far enough to ask
// it: the manifest needs SelfEvidence, all else a ValidatedEnclave.
//
// Borrows all it is given: the attestor and the clock are for the ledger.
class Parent {
 public:
  Parent(HttpChannel& channel, SelfAttestor& attestor, const Clock& clock);

  // Reason `manifest_unavailable`.
  Task<Bytes> release_manifest(const SelfEvidence& evidence);
  // Records the refusal of a boot, and closes the ledger with it.
  Task<void> report_refusal(const SelfEvidence& evidence, const ledger::Decision& decision);

  Task<void> heartbeat(const ValidatedEnclave& enclave);
  Task<void> report_gauges(const ValidatedEnclave& enclave, const Gauges& gauges);
  // The last thing it says. Nobody waits for an answer for long.
  Task<void> report_exit(const ValidatedEnclave& enclave, const ExitReport& report);
  // Reasons `offer_unavailable`, `offer_malformed`.
  Task<Offer> offer(const ValidatedEnclave& enclave, std::string name);
  // Reason `credentials_unavailable`.
  Task<LentCredentials> lent_credentials(const ValidatedEnclave& enclave);
  // Signs the decision into this boot's ledger and succeeds once the parent has stored it.
  // Reason `decision_not_recorded`.
  Task<void> record(const ValidatedEnclave& enclave, const ledger::Decision& decision);
  // The ledger's closing entry, after which nothing can be recorded.
  Task<void> close_ledger(const ValidatedEnclave& enclave, std::string cause);

  // Sealed bytes that the parent keeps under a name, at most kMaxStateSize. Errc::not_found
  // with reason `state_missing`, or `state_unavailable`.
  Task<Bytes> state(const ValidatedEnclave& enclave, std::string name);
  // Succeeds when the parent says that they are on disk.
  Task<void> keep_state(const ValidatedEnclave& enclave, std::string name, Bytes sealed);

 private:
  Task<void> record_refusal(ledger::Decision decision);
  Task<void> store_line(std::string line);
  Task<Offer> fetch_offer(std::string name);
  Task<LentCredentials> fetch_credentials();
  Task<Bytes> get(std::string target, std::size_t max_size, std::string_view reason);
  Task<Bytes> fetch_state(std::string name);
  Task<void> post(std::string target, std::string body, std::string_view reason);
  Task<void> tell(net::HttpRequest request, std::string_view reason);

  HttpChannel& channel_;
  LedgerSender ledger_;
};

// {"AccessKeyId", "SecretAccessKey", "Token"?, "Expiration"?, ...}, as the instance metadata
// service writes them. They belong to the parent, which knows them: using them reveals nothing to
// it.
Result<LentCredentials> parse_lent_credentials(ByteView body);
Result<aws::Credentials> parse_credentials(ByteView body);

}  // namespace cofferdam::agent
