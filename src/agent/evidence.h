// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/config.h"
#include "agent/self_attestor.h"
#include "attest/release_manifest.h"

// The trust path as types (design §1). Only Boot makes either of them, in this order; a
// function that takes one cannot be called before that point of the boot.
namespace cofferdam::agent {

// The enclave has measured its configuration and holds a fully verified document about
// itself: not debug, signed by the expected certificate, PCR16 as measured.
class SelfEvidence {
 public:
  SelfEvidence(SelfEvidence&&) noexcept = default;
  SelfEvidence& operator=(SelfEvidence&&) noexcept = default;
  SelfEvidence(const SelfEvidence&) = delete;
  SelfEvidence& operator=(const SelfEvidence&) = delete;

  const Config& config() const noexcept { return measured_.config; }
  const MeasuredConfig& measured() const noexcept { return measured_; }
  const attest::VerifiedDocument& document() const noexcept { return own_.verified; }
  crypto::Sha384 document_digest() const { return own_.digest(); }

 private:
  friend class Boot;
  SelfEvidence(MeasuredConfig measured, OwnDocument own)
      : measured_(std::move(measured)), own_(std::move(own)) {}

  MeasuredConfig measured_;
  OwnDocument own_;
};

// The same enclave, shown to be a release its owner signed and not an outdated one.
class ValidatedEnclave {
 public:
  const SelfEvidence& evidence() const noexcept { return evidence_; }
  const Config& config() const noexcept { return evidence_.config(); }
  const attest::ReleaseManifest& manifest() const noexcept { return manifest_; }
  // The same as its owner signed it, for others who want to know the release.
  const Bytes& signed_manifest() const noexcept { return signed_manifest_; }

 private:
  friend class Boot;
  ValidatedEnclave(SelfEvidence evidence, attest::ReleaseManifest manifest, Bytes signed_manifest)
      : evidence_(std::move(evidence)),
        manifest_(std::move(manifest)),
        signed_manifest_(std::move(signed_manifest)) {}

  SelfEvidence evidence_;
  attest::ReleaseManifest manifest_;
  Bytes signed_manifest_;
};

}  // namespace cofferdam::agent
