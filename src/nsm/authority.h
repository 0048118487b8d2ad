// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate_builder.h"
#include "crypto/ec.h"

namespace cofferdam::nsm {

// The root of trust of emulated Nitro Secure Modules: a P-384 key that plays the part of
// the AWS Nitro Enclaves root (formats.md §3.2) for everything that shares one folder. Its
// certificates have AWS's names and structure; only the key differs, so a document made
// here convinces nobody but a verifier that was told to trust root.pem.
//
// The folder is private (0700) and holds root.key (0600) and root.pem. Opening is safe
// against crashes and against several processes opening at once: one root results.
//
// Immutable once open; safe for concurrent use.
class Authority {
 public:
  // Creates the root on first use, else loads it. Errc::invalid_input when the files do not
  // belong together, Errc::unavailable when the folder cannot be used.
  static Result<Authority> open(const std::filesystem::path& folder, const Clock& clock);

  ByteView root_der() const noexcept { return root_der_; }
  const std::filesystem::path& root_pem_path() const noexcept { return root_pem_path_; }
  const crypto::EcPrivateKey& key() const noexcept { return key_; }

  // The instance every enclave under this root runs on: "i-0123456789abcdef0", derived from
  // the root, so PCR4 stays the same for the life of the folder.
  const std::string& instance_id() const noexcept { return instance_id_; }

  // The name of the root certificate.
  static crypto::Name name();

 private:
  Authority(crypto::EcPrivateKey key, Bytes root_der, std::filesystem::path root_pem_path);

  crypto::EcPrivateKey key_;
  Bytes root_der_;
  std::filesystem::path root_pem_path_;
  std::string instance_id_;
};

}  // namespace cofferdam::nsm
