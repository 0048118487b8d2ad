// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attest/document.h"
#include "attest/verifier.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

// A release manifest: the owner of an enclave states which measurements one release has.
// An image cannot contain its own PCR0, so the parent hands the manifest over when the
// enclave boots. It is data to verify: it counts because its certificate is the one that
// signed the running image (PCR8) and its key signed the manifest.
//
// Bytes: a CBOR array ["cofferdam/release/v1", certificate DER, COSE_Sign1], the payload
// being the map {"name", "pcrs", "release", "not_after"}, all deterministic (RFC 8949
// section 4.2.1). Described in docs/eif.md.
namespace cofferdam::attest {

inline constexpr std::size_t kMaxManifestSize = std::size_t{16} * 1024;
inline constexpr std::size_t kMaxReleaseNameSize = 128;

namespace reason {
inline constexpr std::string_view kManifestMalformed = "manifest_malformed";
inline constexpr std::string_view kManifestUntrusted = "manifest_untrusted";
inline constexpr std::string_view kManifestExpired = "manifest_expired";
inline constexpr std::string_view kReleaseTooOld = "release_too_old";
inline constexpr std::string_view kNameMismatch = "name_mismatch";
}  // namespace reason

struct ReleaseManifest {
  std::string name;  // 1 to kMaxReleaseNameSize bytes of UTF-8 without control characters.
  std::uint64_t release = 0;
  Pcrs pcrs;  // Exactly registers 0, 1, 2, 8 and 16, of 48 bytes.
  Timestamp not_after;

  // Errc::invalid_input, reason `manifest_malformed`, for anything but these bytes exactly.
  static Result<ReleaseManifest> decode(ByteView payload);
  Bytes encode() const;

  bool operator==(const ReleaseManifest&) const = default;
};

// PCR8 of an enclave whose image is signed with this certificate.
crypto::Sha384 pcr8_of_certificate(ByteView der);

// Writes a manifest. Errc::invalid_input if the certificate's key is not `key`, PCR8 is not
// the certificate's, or the manifest is one that decode() refuses.
Result<Bytes> sign_release_manifest(const ReleaseManifest& manifest, ByteView certificate_der,
                                    const crypto::SigningKey& key);

// The parts of a manifest, for display. Nothing is verified.
struct UnverifiedManifest {
  ReleaseManifest manifest;
  Bytes certificate;
};
Result<UnverifiedManifest> parse_release_manifest(ByteView bytes);

struct ManifestExpectations {
  std::string name;
  std::uint64_t minimum_release = 0;
  Timestamp at;
};

// Judges a manifest for an enclave with these registers; PCR8 must be among them, and the
// manifest's own must all be there and equal. In this order: `manifest_malformed`,
// `manifest_untrusted` (the certificate is not PCR8), `bad_signature`, `release_too_old`,
// `manifest_expired`, `pcr_mismatch`, `name_mismatch`. The certificate's own validity and
// issuer are not judged: its hash is pinned, and not_after limits the manifest.
Result<ReleaseManifest> verify_release_manifest(ByteView bytes, const Pcrs& pcrs,
                                                const ManifestExpectations& expected);
Result<ReleaseManifest> verify_release_manifest(ByteView bytes, const VerifiedDocument& document,
                                                const ManifestExpectations& expected);

}  // namespace cofferdam::attest
