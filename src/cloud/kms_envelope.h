// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cloud/kms_core.h"

// Encryption under a symmetric key, for the operations that do it.
namespace cofferdam::cloud::kms {

struct Sealed {
  Bytes blob;
  std::string material_id;
};

struct Opened {
  Secret plaintext;
  std::string material_id;
};

// Reads an encryption context and puts its digest on record.
Result<EncryptionContext> read_context(KmsRequest& request,
                                       std::string_view member = "EncryptionContext");
KmsFacts encryption_facts(const EncryptionContext& context, std::string_view algorithm,
                          const std::optional<AttestedRecipient>& recipient = std::nullopt);

// Under the current material.
Result<Sealed> seal_under(KeyStore& keys, const KeyRecord& key, const EncryptionContext& context,
                          const Secret& plaintext);
// Under whichever material sealed it; InvalidCiphertextException for anything else.
Result<Opened> open_under(KeyStore& keys, const KeyRecord& key, const EncryptionContext& context,
                          ByteView blob);

}  // namespace cofferdam::cloud::kms
