// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <variant>

#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::parent {

// Where the AWS credentials for the enclave come from. They are handed over as they are:
// the enclave judges them, and a parent could put in any others.
class CredentialSource {
 public:
  // A file with the JSON object of GET /v1/credentials, read anew each time, so that
  // whoever rotates it only has to replace it.
  static CredentialSource file(std::filesystem::path path) {
    return CredentialSource(std::move(path));
  }

  // AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where set, AWS_SESSION_TOKEN, as they
  // are now. Errc::not_found if the first two are not set.
  static Result<CredentialSource> environment();

  // The JSON object {"AccessKeyId", "SecretAccessKey", "Token"?, "Expiration"?}.
  Result<Secret> read() const;

 private:
  explicit CredentialSource(std::variant<std::filesystem::path, Secret> source)
      : source_(std::move(source)) {}

  std::variant<std::filesystem::path, Secret> source_;
};

}  // namespace cofferdam::parent
