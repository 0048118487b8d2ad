// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/ec.h"
#include "net/http.h"
#include "net/http_client.h"

namespace cofferdam::aws {

// An asymmetric key of AWS KMS by its own name: "arn:aws:kms:eu-west-1:111122223333:key/ID".
// An alias is refused: who may move it could have another key sign.
struct KmsKeyArn {
  std::string arn;
  std::string partition;  // aws, aws-cn, aws-us-gov
  std::string region;

  // Errc::invalid_input says what is wrong.
  static Result<KmsKeyArn> parse(std::string_view text);

  // Where KMS is in that region.
  std::string endpoint() const;
};

// How requests to KMS travel. Failures are those of net::http_send_blocking().
using KmsTransport = std::function<Result<net::HttpResponse>(net::HttpRequest)>;

struct KmsKeyOptions {
  KmsKeyArn key;
  std::string host;  // Host header: what the endpoint is called.
  KmsTransport send;
  Credentials credentials;
  const Clock& clock;  // Must outlive the key.
};

// Opens an ECC_NIST_P256, P384 or P521 key for SIGN_VERIFY; its private half stays in KMS. Two
// operations: GetPublicKey here, Sign (MessageType DIGEST) for each signature, which is
// verified before anyone gets it. KMS must name this key in every answer.
//
// Errors: Errc::denied (AWS says no, with its words), Errc::unauthenticated (credentials),
// Errc::not_found, Errc::unavailable, Errc::invalid_input (another kind of key, an answer
// that is none).
Result<std::unique_ptr<const crypto::SigningKey>> open_kms_key(KmsKeyOptions options);

// "http[s]://HOST[:PORT][/]", for KMS and its stand-ins. http only for this machine
// (localhost, 127.0.0.1, [::1]), since nothing would tell who answers.
struct KmsEndpoint {
  bool tls = true;
  std::string host;         // Without brackets.
  std::string host_header;  // With the port where the URL has one.
  std::uint16_t port = 443;

  static Result<KmsEndpoint> parse(std::string_view url);

  // `pem_roots`: whom to believe; not looked at for http.
  Result<net::HttpClientOptions> client_options(std::string_view pem_roots,
                                                const Clock& clock) const;
};

}  // namespace cofferdam::aws
