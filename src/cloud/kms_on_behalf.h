// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cloud/ciphertext.h"
#include "cloud/kms.h"

namespace cofferdam::cloud {

// The local KMS as another service of the local AWS uses it: in the name of the caller,
// whose request kms:ViaService then marks. Every use is a request to KMS of its own, with
// its policies, its decision on record and its errors (reasons of KMS, see api_error.h).
class KmsOnBehalf {
 public:
  struct DataKey {
    Secret plaintext;  // 256 bits.
    Bytes blob;
    std::string key_arn;
  };

  // `kms` must outlive this; `service` is a literal such as "secretsmanager".
  KmsOnBehalf(Kms& kms, std::string_view service, Place place)
      : kms_(kms), service_(service), place_(std::move(place)) {}

  Result<DataKey> generate_data_key(const Call& call, std::string_view key_id,
                                    const EncryptionContext& context);
  Result<Bytes> encrypt(const Call& call, std::string_view key_id, const EncryptionContext& context,
                        const Secret& plaintext);
  Result<Secret> decrypt(const Call& call, const EncryptionContext& context, ByteView blob);

  // The key behind an id, an ARN or an alias; NotFoundException if there is none. Asks nobody.
  Result<std::string> key_arn(const Call& call, std::string_view key_id);

  // The service's own key in an account, made when it is first asked for, with the policy
  // that AWS gives such keys. Returns the ARN of its alias.
  Result<std::string> managed_key(std::string_view account, Timestamp now);

 private:
  Result<JsonReply> perform(std::string_view operation, const Call& call, json::object members,
                            const JsonSecrets* secrets = nullptr);
  Call on_behalf(const Call& call, CallTrace& trace) const;

  Kms& kms_;
  std::string_view service_;
  Place place_;
};

// "alias/aws/secretsmanager"
std::string managed_alias(std::string_view service);
// The id of a service's own key in an account, made when it is first asked for.
Result<std::string> ensure_managed_key(KeyStore& keys, std::string_view service,
                                       std::string_view account, const Place& place, Timestamp now);

}  // namespace cofferdam::cloud
