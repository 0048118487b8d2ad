// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attest/document.h"
#include "attest/verifier.h"
#include "bytes/cbor.h"
#include "crypto/certificate_builder.h"
#include "crypto/ec.h"

// For tests and benchmarks only: a root of our own and documents under it, of the structure
// that formats.md §3.2 records of real ones.
namespace cofferdam::attest::test {

// Where a certificate stands in a chain.
enum Position : std::size_t { kRoot, kRegional, kZonal, kInstance, kLeaf, kChainSize };

// 2026-01-31T12:00:00Z: when every document is made unless a test says otherwise.
inline constexpr Timestamp kNow{std::chrono::seconds(1769860800)};

using ChainSpec = std::array<crypto::CertificateSpec, kChainSize>;
// The names, serials, lifetimes, path lengths and usages of AWS.
ChainSpec aws_like_chain();

struct Chain {
  std::vector<Bytes> cabundle;
  Bytes leaf;
};

// Issues the chain with key_of() for each position: one set of keys per process.
Chain issue(const ChainSpec& spec = aws_like_chain());
const crypto::EcPrivateKey& key_of(Position position);
// Signatures are random, so each chain has a root of its own.
TrustRoot root_of(const Chain& chain);

// A document of a healthy enclave: PCR0 to PCR15, nothing optional.
Document healthy_document(const Chain& chain);
// Its fields with their encoding, for tests that replace, drop or add some.
using Fields = std::vector<std::pair<std::string, Bytes>>;
Fields fields_of(const Document& document);
Bytes payload_of(const Fields& fields);

// The payload in an untagged COSE_Sign1, signed with the leaf's key.
Bytes sign(ByteView payload);
Bytes sign(const Document& document);

Bytes encoded(const std::function<void(cbor::Writer&)>& write);

}  // namespace cofferdam::attest::test
