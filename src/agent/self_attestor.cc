// SPDX-License-Identifier: Apache-2.0
#include "agent/self_attestor.h"

#include <utility>

#include "agent/reason.h"
#include "attest/reason.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kNonceSize = 32;
// How far the kernel's timer may have run ahead of the module before a document looks like
// a replay: drift of seconds per week was reported, this is generous.
constexpr std::chrono::minutes kMaxTimerLead{5};

}  // namespace

Result<OwnDocument> SelfAttestor::attest(const Wish& wish) {
  auto out = try_to_attest(wish);
  if (!out) ++failures_;
  return out;
}

Result<OwnDocument> SelfAttestor::try_to_attest(const Wish& wish) {
  const Bytes nonce = wish.nonce ? *wish.nonce : crypto::random_bytes(kNonceSize);
  nsm::AttestationRequest request;
  request.user_data = wish.user_data;
  request.nonce = nonce;
  request.public_key = wish.public_key;
  auto bytes = module_.attest(request);
  if (!bytes) return fail(Errc::unavailable, reason::kNsmUnavailable, bytes.error().detail);

  COFFERDAM_TRY(const auto parsed, attest::parse_document(*bytes));
  attest::Expectations expected;
  expected.at = parsed.document.timestamp;
  expected.nonce = nonce;
  expected.user_data = wish.user_data;
  expected.pcrs = wish.pcrs;
  COFFERDAM_TRY(auto verified, verifier_.verify(*bytes, expected));

  const attest::Document& document = verified.document();
  if (document.public_key != wish.public_key) {
    return fail(Errc::denied, attest::reason::kInconsistent,
                "the module's document is not for the key it was asked to bind");
  }
  if (document.timestamp + kMaxTimerLead < clock_.now()) {
    return fail(Errc::denied, attest::reason::kInconsistent,
                "the module's time went backwards since an earlier document");
  }
  clock_.observe(document.timestamp);
  return OwnDocument{*std::move(bytes), std::move(verified)};
}

}  // namespace cofferdam::agent
