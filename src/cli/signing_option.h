// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "crypto/ec.h"
#include "eif/signature.h"

namespace cofferdam::cli {

// --signing-cert and --signing-key with their companions, the same for every command that
// signs: `eif build`, `eif sign`, `release create`.
struct SigningOptions {
  std::string certificate;    // PEM file.
  std::string key;            // PEM file, "pkcs11:..." (RFC 7512), or the ARN of a KMS key.
  std::string pkcs11_module;  // Else module-path of the URI.
  std::string pin_file;       // Else pin-source of the URI; never a PIN itself.
  std::string kms_endpoint;   // Else AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, or the region's.
  std::string ca_bundle;      // Else AWS_CA_BUNDLE, or the system's.

  bool given() const noexcept { return !certificate.empty() || !key.empty(); }
};

void add_signing_options(CLI::App& command, SigningOptions& options, bool required);
// All but --signing-cert.
CLI::Option* add_signing_key_options(CLI::App& command, SigningOptions& options);

// Opens the key and checks that it is the certificate's. Warns as below.
Result<eif::Signer> load_signer(const SigningOptions& options);

// Says so on standard error if the certificate is not valid now: no enclave starts with it.
void warn_unless_valid(const eif::SigningCertificate& certificate);

// The key alone. `public_key` is its public half where known, for a token without it.
Result<std::unique_ptr<const crypto::SigningKey>> open_signing_key(
    const SigningOptions& options, const std::optional<crypto::EcPublicKey>& public_key = {});

}  // namespace cofferdam::cli
