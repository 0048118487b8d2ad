// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/evidence.h"
#include "agent/parent.h"

namespace cofferdam::agent {

// Whose AWS credentials this enclave uses for every call: what the parent lends, or with
// [identity] those of a role of its own (role_credentials.h). Never one for the other.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  virtual Task<LentCredentials> credentials() = 0;
};

// The parent's, asked for anew each time, since it renews them before they end. Borrows both.
class ParentCredentials final : public CredentialSource {
 public:
  ParentCredentials(Parent& parent, const ValidatedEnclave& enclave)
      : parent_(parent), enclave_(enclave) {}

  // Reason `credentials_unavailable`.
  Task<LentCredentials> credentials() override { return parent_.lent_credentials(enclave_); }

 private:
  Parent& parent_;
  const ValidatedEnclave& enclave_;
};

}  // namespace cofferdam::agent
