// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "aws/credentials.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "cloud/service.h"
#include "cloud/store.h"

// Who is who in a new local AWS: its principals and its TLS certificates.
namespace cofferdam::cloud {

// An administrator who may do everything, and the role session that the parent instance
// hands to an enclave, which may ask for Decrypt and GenerateDataKey. Made once.
std::string admin_arn(const Place& place);
std::string enclave_session_arn(const Place& place);
Status ensure_principals(Store& store, const Place& place, Timestamp now);

// Of a user, or of a session whose credentials do not expire. Errc::internal for any other.
Result<aws::Credentials> credentials_of(Store& store, std::string_view arn);

// Writes {"AccessKeyId", "SecretAccessKey", "Token"?} with mode 0600: the shape in which
// IMDS, and so the parent, hands out credentials.
Status export_credentials(Store& store, std::string_view arn, const std::filesystem::path& file);

// Refuses a store that was made for another account or Region: its ARNs would not fit.
Status ensure_place(Store& store, const Place& place);

// What a TLS server shows. The CA is made once and kept in the store; the server's own key
// and certificate (P-256) are made at every start and never stored.
struct TlsIdentity {
  std::string ca_pem;
  std::string chain_pem;
  Secret key_pem;
};

// For localhost, 127.0.0.1, ::1, the AWS host names of the place and `host`.
Result<TlsIdentity> make_tls_identity(Store& store, const Place& place, const std::string& host,
                                      Timestamp now);

}  // namespace cofferdam::cloud
