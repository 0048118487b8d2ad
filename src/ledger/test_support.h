// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "attest/test_pki.h"
#include "attest/verifier.h"
#include "ledger/signed_ledger.h"
#include "ledger/verifier.h"

// For tests and benchmarks: ledgers as an enclave writes them, under a root of our own.
namespace cofferdam::ledger::test {

inline Decision decision(std::string request_id, bool allowed = true) {
  Decision out;
  out.time = attest::test::kNow + std::chrono::seconds(1);
  out.component = "agent";
  out.request_id = std::move(request_id);
  out.allowed = allowed;
  out.reason = allowed ? "ok" : "kms_access_denied";
  out.operation = "Decrypt";
  out.secret = "database-password";
  out.key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
  out.module_id = "i-0123456789abcdef0-enc019c13eb17601234";
  return out;
}

// An enclave's platform: every ledger opened here is of the same module.
class Platform {
 public:
  // A document that carries what the ledger asks for.
  Bytes attest(const SignedLedger::Binding& binding) const {
    attest::Document document = attest::test::healthy_document(chain_);
    document.pcrs = pcrs();
    document.public_key = binding.public_key;
    document.user_data = binding.user_data;
    return attest::test::sign(document);
  }

  SignedLedger open() const {
    const ManualClock clock(attest::test::kNow);
    const auto attest = [this](const SignedLedger::Binding& binding) -> Result<Bytes> {
      return this->attest(binding);
    };
    return SignedLedger::open(attest, clock).value();
  }

  attest::TrustRoot root() const { return attest::test::root_of(chain_); }
  attest::Pcrs pcrs() const {
    attest::Pcrs out = changed_;
    out.merge(attest::test::healthy_document(chain_).pcrs);
    return out;
  }
  void set_pcr(std::uint8_t index, Bytes value) { changed_[index] = std::move(value); }

 private:
  attest::Pcrs changed_;
  attest::test::Chain chain_ = attest::test::issue();
};

// The lines of a ledger of `decisions` decisions, closed.
inline std::vector<std::string> lines_of(SignedLedger ledger, int decisions) {
  std::vector<std::string> out{ledger.genesis()};
  for (int i = 1; i <= decisions; ++i) {
    out.push_back(ledger.append(decision("req-" + std::to_string(i))).value());
  }
  out.push_back(ledger.close("exited", attest::test::kNow + std::chrono::seconds(9)).value());
  return out;
}

inline SignedHead head_of(const std::string& line) { return parse_line(line).value().head; }

// The first thing that is wrong with these lines, or "sound".
inline std::string judge(const Platform& platform, const std::vector<std::string>& lines,
                         Verifier::Expectations expected = {}) {
  const attest::Verifier documents(platform.root());
  Verifier verifier(documents, std::move(expected));
  std::uint64_t number = 0;
  for (const std::string& line : lines) verifier.add(line, ++number);
  verifier.finish();
  if (!verifier.stray().empty()) return std::string(verifier.stray().front().reason);
  for (const LedgerVerdict* const ledger : verifier.ledgers()) {
    if (!ledger->problems.empty()) return std::string(ledger->problems.front().reason);
  }
  return verifier.sound() ? "sound" : "unsound without a reason";
}

}  // namespace cofferdam::ledger::test
