// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/gate.h"
#include "agent/secret_service.h"
#include "net/http.h"

namespace cofferdam::agent {

// A call of KMS as a program inside the enclave makes it, without a recipient.
struct LocalKmsRequest {
  Operation operation = Operation::decrypt;
  std::optional<std::string> key_id;
  EncryptionContext context;
  Bytes input;           // CiphertextBlob or PublicKey.
  std::string key_spec;  // KeySpec, KeyPairSpec, or what NumberOfBytes means.
  std::optional<std::int64_t> random_size;

  // `target` is the X-Amz-Target header. At most 64 KiB of JSON, no member twice and none
  // unknown: what would not be passed on must not look as if it had been. The reason of a
  // failure is the name of AWS's exception.
  static Result<LocalKmsRequest> parse(std::string_view target, std::string_view body);
};

// What one [[secret]] lets a program ask.
struct DeclaredCall {
  const SecretSpec* spec = nullptr;
  EncryptionContext context;  // Resolved.
  Bytes peer_key;             // SPKI, of DeriveSharedSecret.
};

// The declaration that allows this very call: same operation, key, context and parameters.
// The key may be named by its full ARN or bare id, or left out where only one key fits. The
// text of AccessDeniedException says what is declared instead.
Result<const DeclaredCall*> find_declared(const LocalKmsRequest& request,
                                          std::span<const DeclaredCall> declared);

// KMS on the loopback interface, for unmodified AWS SDKs (AWS_ENDPOINT_URL_KMS): JSON 1.1 as
// kms.REGION.amazonaws.com speaks it, for Decrypt, GenerateDataKey, GenerateDataKeyPair,
// GenerateRandom and DeriveSharedSecret.
//
// Each is an attested call of the agent's own, with the parent's credentials; the answer is
// opened here, so the program finds the plaintext where it expects it. The signature of the
// program is not looked at: whoever is in here may ask, the measured policy (kind "kms") and
// the measured configuration say for what. Nothing that is not declared is passed on.
// Failures are AWS's exceptions with AWS's status codes.
//
// For one thread. Borrows everything in Parts.
class LocalKms {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    Gate& gate;
  };
  // Fails where a declared peer key is not PEM, which the first call would have found too.
  static Result<LocalKms> create(Parts parts);

  Task<net::HttpResponse> handle(net::HttpRequest request, Caller caller);

 private:
  LocalKms(Parts parts, std::vector<DeclaredCall> declared)
      : parts_(parts), declared_(std::move(declared)) {}

  Task<net::HttpResponse> call(LocalKmsRequest request, Caller caller);
  Task<Released> release(const SecretSpec* spec, Bytes input);

  Parts parts_;
  std::vector<DeclaredCall> declared_;
};

}  // namespace cofferdam::agent
