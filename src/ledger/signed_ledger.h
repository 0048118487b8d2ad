// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/ec.h"
#include "ledger/decision.h"
#include "ledger/entry.h"

namespace cofferdam::ledger {

// The writing end of one ledger, inside the enclave. Makes a key that never leaves it and
// signs with it; where the lines go is its owner's business.
//
// Every line it returns is part of the chain from then on: the owner delivers it, and
// delivers the same line again until it arrived, before it asks for the next. There is no
// second line with the same number, which would be a fork.
//
// For one thread.
class SignedLedger {
 public:
  // Asks the platform for an attestation document with these two fields.
  struct Binding {
    Bytes public_key;
    Bytes user_data;
  };
  using Attest = std::function<Result<Bytes>(const Binding&)>;

  // Makes the key, lets the enclave's own document vouch for it, and writes the genesis.
  // `clock` is read once, after the document was made.
  static Result<SignedLedger> open(const Attest& attest, const Clock& clock);

  // The line of the first entry.
  const std::string& genesis() const noexcept { return genesis_; }

  // The line of a decision. Its time is the decision's, or that of the entry before where
  // that is later. Errc::invalid_input, with nothing appended, for a decision that does not
  // fit into a line, that has a kind of this class's own, or after close().
  Result<std::string> append(const Decision& decision);

  // The line of the last entry: an orderly end, as opposed to lines cut off.
  Result<std::string> close(std::string_view cause, Timestamp now);

  const Head& head() const noexcept { return head_; }

 private:
  explicit SignedLedger(crypto::EcPrivateKey key) : key_(std::move(key)) {}
  Result<std::string> append(std::string kind, json::object record, Timestamp time);

  crypto::EcPrivateKey key_;
  Head head_;
  std::string genesis_;
  bool closed_ = false;
};

}  // namespace cofferdam::ledger
