// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "attest/release_manifest.h"
#include "attest/verifier.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "channel/binding.h"

// Judging the other side of a channel: pure functions over bytes, expectations and a time.
namespace cofferdam::channel {

// Which release the other side must be, by the manifest of whoever signed its image.
struct ReleasePolicy {
  std::string name;
  std::uint64_t minimum_release = 0;
};

// What the other side must be. With `release`, `pcrs` must pin PCR8: a manifest counts
// because of the certificate that signed the image.
struct PeerPolicy {
  attest::Pcrs pcrs;  // Each must be present and equal.
  std::optional<ReleasePolicy> release = {};
  std::optional<Bytes> manifest = {};  // Judge this one, whatever the other side hands over.
  // Of the document in a certificate; the answer to a challenge is from just now anyway.
  std::chrono::milliseconds max_age = std::chrono::minutes(10);
  bool allow_debug = false;
};

// Errc::invalid_input for a policy that pins nothing, or a release without PCR8.
Status check_policy(const PeerPolicy& policy);

// An enclave whose evidence was accepted.
struct VerifiedPeer {
  attest::VerifiedDocument document;
  std::optional<attest::ReleaseManifest> manifest;
};

struct Judge {
  const attest::Verifier& verifier;
  Timestamp at;
};

// The first, cheap check, on the certificate alone: the document is genuine, recent, as the
// policy wants, and made for this key in this role. It does not show that the enclave is at
// the other end now; verify_answer() does. A release is not judged here.
Result<attest::VerifiedDocument> verify_certificate(const Judge& judge, ByteView certificate,
                                                    Role role, const PeerPolicy& policy);

// What one connection is, as this side sees it.
struct ChannelFacts {
  Bytes certificate;  // Of the other side.
  Role role;          // Of the other side.
  net::TlsExporter exporter;
  Challenge challenge;  // The one this side gave.
};

// The bytes the other side answers with.
struct Answer {
  Bytes document;
  Bytes manifest;  // Empty where it has none.
};

// The full check: the document answers our challenge on this very connection.
Result<VerifiedPeer> verify_answer(const Judge& judge, const ChannelFacts& facts,
                                   const Answer& answer, const PeerPolicy& policy);

}  // namespace cofferdam::channel
