// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "attest/call_binding.h"
#include "attest/verifier.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "cloud/parameters.h"
#include "cloud/service.h"
#include "cloud/store.h"
#include "ledger/decision.h"
#include "policy/kms.h"

namespace cofferdam::cloud {

// Whom an answer is sealed for: a public key that a verified document vouches for.
struct AttestedRecipient {
  Bytes spki;
  policy::RecipientMeasurements measurements;
};

// Decides whether the Recipient of a KMS request is what it says.
//
// As AWS: the document is verified to the root of the Nitro Secure Module, of either kind,
// debug mode included (its registers are zero, so no policy on them holds). Beyond AWS: a
// document is good for one request and for five minutes, and where the caller states what
// the document was made for (X-Cofferdam-Call, under the request's signature), the
// statement must match both the request and the document's user_data.
//
// Every refusal leaves its reason code in the decision. Not safe for concurrent use.
class RecipientGate {
 public:
  // Both must outlive the gate. `allow_reuse` is for clients that retry with one document.
  RecipientGate(const attest::Verifier& verifier, Store& store, bool allow_reuse)
      : verifier_(verifier), store_(store), allow_reuse_(allow_reuse) {}

  // `actual` is the request as it will be carried out; its counter is not compared.
  // ValidationException for a document that does not verify, AccessDeniedException for one
  // that was used before or made for another call.
  Result<AttestedRecipient> admit(const Parameters& recipient, attest::CallBinding actual,
                                  const Call& call, ledger::Decision& decision);

 private:
  Status check_first_use(const attest::SignedDocument& signed_document, const Call& call,
                         ledger::Decision& decision);
  Status prune(Timestamp now);

  const attest::Verifier& verifier_;
  Store& store_;
  bool allow_reuse_;
  Timestamp next_prune_;
};

// Without a recipient nothing may claim to be an attested call.
Status refuse_stray_binding(const Call& call, ledger::Decision& decision);

}  // namespace cofferdam::cloud
