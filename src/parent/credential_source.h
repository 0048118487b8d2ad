// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <variant>

#include "aws/credential_cache.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/task.h"

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

  // Credentials that are fetched and refreshed.
  static CredentialSource refreshed(std::shared_ptr<aws::CredentialCache> cache) {
    return CredentialSource(std::move(cache));
  }

  // The JSON object {"AccessKeyId", "SecretAccessKey", "Token"?, "Expiration"?}.
  Task<Secret> read() const;

 private:
  using Cache = std::shared_ptr<aws::CredentialCache>;
  explicit CredentialSource(std::variant<std::filesystem::path, Cache> source)
      : source_(std::move(source)) {}

  std::variant<std::filesystem::path, Cache> source_;
};

}  // namespace cofferdam::parent
