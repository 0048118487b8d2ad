// SPDX-License-Identifier: Apache-2.0
#include "attest/verifier.h"

#include <algorithm>
#include <utility>

#include "attest/chain.h"
#include "attest/chain_cache.h"
#include "attest/consistency.h"
#include "attest/reason.h"
#include "base/encoding.h"

namespace cofferdam::attest {
namespace {

using std::chrono::milliseconds;

std::unexpected<Error> refused(std::string_view reason, std::string detail) {
  return fail(Errc::denied, reason, std::move(detail));
}

std::string_view kind_name(Kind kind) {
  return kind == Kind::enclave ? "an enclave" : "an instance's NitroTPM";
}

Status check_kind(const Document& document, const Expectations& expected) {
  if (document.kind == expected.kind) return {};
  return refused(reason::kWrongKind, "the document is of " + std::string(kind_name(document.kind)) +
                                         ", expected one of " +
                                         std::string(kind_name(expected.kind)));
}

Status check_debug(const Document& document, const Expectations& expected) {
  if (expected.allow_debug || document.kind != Kind::enclave || !is_debug(document.pcrs)) return {};
  return refused(reason::kDebugMode,
                 "PCR0, PCR1 and PCR2 are zero: the enclave runs in debug mode, its parent reads "
                 "its console");
}

Status check_time(const Document& document, const Expectations& expected) {
  const milliseconds ahead = document.timestamp - expected.at;
  if (ahead > expected.future_tolerance) {
    return refused(reason::kFutureTimestamp, "the document is of " +
                                                 format_rfc3339(document.timestamp) +
                                                 ", judged at " + format_rfc3339(expected.at));
  }
  if (expected.max_age && -ahead > *expected.max_age) {
    return refused(reason::kTooOld, "the document is " + std::to_string(-ahead.count()) +
                                        " ms old, at most " +
                                        std::to_string(expected.max_age->count()) + " are allowed");
  }
  return {};
}

Status check_pcrs(const Document& document, const Expectations& expected) {
  for (const auto& [index, value] : expected.pcrs) {
    const std::string name = "PCR" + std::to_string(index);
    const auto found = document.pcrs.find(index);
    if (found == document.pcrs.end()) {
      return refused(reason::kPcrMissing, name + " is not in the document");
    }
    if (found->second != value) {
      return refused(reason::kPcrMismatch,
                     name + ": expected " + to_hex(value) + ", found " + to_hex(found->second));
    }
  }
  return {};
}

Status check_echo(std::string_view reason, std::string_view field,
                  const std::optional<Bytes>& found, const std::optional<Bytes>& expected) {
  if (!expected || found == expected) return {};
  return refused(reason, found ? std::string(field) + " is not the expected one"
                               : "the document carries no " + std::string(field));
}

Status check_expectations(const Document& document, const Expectations& expected) {
  COFFERDAM_CHECK(check_debug(document, expected));
  COFFERDAM_CHECK(check_time(document, expected));
  COFFERDAM_CHECK(check_pcrs(document, expected));
  COFFERDAM_CHECK(check_echo(reason::kNonceMismatch, "nonce", document.nonce, expected.nonce));
  return check_echo(reason::kUserDataMismatch, "user_data", document.user_data, expected.user_data);
}

}  // namespace

struct Verifier::Impl {
  Impl(TrustRoot trust_root, crypto::EcPublicKey key, std::size_t max_cached_chains)
      : root(std::move(trust_root)), root_key(std::move(key)), cache(max_cached_chains) {}

  // The chain of the document, verified now or earlier; not yet judged at any time.
  Result<std::shared_ptr<const VerifiedChain>> chain_of(const Document& document) {
    const ChainCache::Key key = ChainCache::key_of(document.certificate, document.cabundle);
    if (auto known = cache.find(key)) return known;
    COFFERDAM_TRY(VerifiedChain chain,
                  verify_chain(document.certificate, document.cabundle, root.der(), root_key));
    auto shared = std::make_shared<const VerifiedChain>(std::move(chain));
    cache.insert(key, shared);
    return shared;
  }

  TrustRoot root;
  crypto::EcPublicKey root_key;
  ChainCache cache;
};

Verifier::Verifier(TrustRoot root, std::size_t max_cached_chains) {
  // A TrustRoot cannot be made from bytes that these two refuse.
  const Certificate certificate = parse_certificate(root.der()).value();
  auto key = crypto::EcPublicKey::from_point(crypto::Curve::p384, certificate.public_point).value();
  impl_ = std::make_unique<Impl>(std::move(root), std::move(key), max_cached_chains);
}

Verifier::~Verifier() = default;

Result<VerifiedDocument> Verifier::verify(ByteView document, const Expectations& expected) const {
  COFFERDAM_TRY(SignedDocument parsed, parse_document(document));
  COFFERDAM_TRY(const auto chain, impl_->chain_of(parsed.document));
  COFFERDAM_CHECK(require_valid(*chain, expected.at));
  COFFERDAM_CHECK(verify_cose_sign1(parsed.message, chain->leaf_key));
  // From here on the fields are what the module signed.
  COFFERDAM_CHECK(check_kind(parsed.document, expected));
  COFFERDAM_CHECK(require_consistent(parsed.document, *chain));
  COFFERDAM_CHECK(check_expectations(parsed.document, expected));
  ChainOrigin origin = examine_origin(parsed.document, *chain);
  if (expected.strict && !origin.inconsistencies.empty()) {
    return refused(reason::kInconsistent, origin.inconsistencies.front());
  }
  VerifiedDocument out;
  out.document_ = std::move(parsed.document);
  out.region_ = std::move(origin.region);
  out.instance_id_ = std::move(origin.instance_id);
  out.inconsistencies_ = std::move(origin.inconsistencies);
  return out;
}

}  // namespace cofferdam::attest
