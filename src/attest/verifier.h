// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "attest/document.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::attest {

// The certificate every chain must end in. Compiled in, or pinned by measured
// configuration; never taken from a document.
class TrustRoot {
 public:
  // AWS Nitro Enclaves Root-G1, commercial partition.
  static const TrustRoot& aws();
  // One PEM certificate. Checked to be a P-384 CA.
  static Result<TrustRoot> from_pem(std::string_view pem);
  static Result<TrustRoot> from_der(ByteView der);

  ByteView der() const noexcept { return der_; }

 private:
  explicit TrustRoot(Bytes der) : der_(std::move(der)) {}
  Bytes der_;
};

// What a caller demands of a document. What is not set is not checked, except what no
// caller may switch off: shape, algorithm, chain, signature, validity.
struct Expectations {
  Timestamp at;  // Judge certificates and age at this time.
  Kind kind = Kind::enclave;
  bool allow_debug = false;
  bool strict = false;  // Also serial, instance, region and launch time must agree.
  Pcrs pcrs = {};       // Each must be present and equal.
  std::optional<Bytes> nonce = {};
  std::optional<Bytes> user_data = {};
  std::optional<std::chrono::milliseconds> max_age = {};
  // How far a document's timestamp may lie ahead of `at`.
  std::chrono::milliseconds future_tolerance = std::chrono::minutes(5);
};

// A document that passed. Only Verifier makes one: holding it is the proof.
class VerifiedDocument {
 public:
  const Document& document() const noexcept { return document_; }
  // From the certificates: "eu-west-1", "i-0123456789abcdef0"; empty where the names do
  // not have the form of AWS's.
  const std::string& region() const noexcept { return region_; }
  const std::string& instance_id() const noexcept { return instance_id_; }
  // What --strict would refuse, in words; empty when all agrees.
  const std::vector<std::string>& inconsistencies() const noexcept { return inconsistencies_; }

 private:
  friend class Verifier;
  VerifiedDocument() = default;
  Document document_;
  std::string region_;
  std::string instance_id_;
  std::vector<std::string> inconsistencies_;
};

// Verifies attestation documents under one root. Remembers chains it has verified
// (bounded, keyed by the certificates' bytes, never past their validity), so a second
// document of the same enclave costs one signature. Safe for concurrent use.
class Verifier {
 public:
  explicit Verifier(TrustRoot root, std::size_t max_cached_chains = 256);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Every failure carries a code of attest/reason.h in Error::reason. Authenticity is
  // judged first: expectations are compared only with fields that AWS signed.
  Result<VerifiedDocument> verify(ByteView document, const Expectations& expected) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::attest
