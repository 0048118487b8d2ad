// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/evidence.h"
#include "agent/http_channel.h"
#include "agent/self_attestor.h"
#include "attest/token_request.h"
#include "base/secret.h"

namespace cofferdam::agent {

// A JWT of the broker's. Opaque here, and as secret as a key until it expires.
struct BrokerToken {
  Secret jwt;
  crypto::Sha384 document_digest{};  // Of the document it was given for.
};

// Asks the broker for a token (docs/identity.md): a challenge first, then the token itself, for
// a document that answers the challenge, binds the request and names a proof key. The key is
// made for this one token and signs once.
//
// The channel must be TLS that ends here with pinned roots: the parent would otherwise read the
// token. Borrows both.
class TokenClient {
 public:
  TokenClient(HttpChannel& broker, SelfAttestor& attestor) : broker_(broker), attestor_(attestor) {}

  // Reasons `identity_challenge_failed`, `identity_token_refused` (the broker said no),
  // `identity_token_failed`, those of SelfAttestor, `tunnel_refused` and `tls_untrusted`. What
  // is worth another attempt (retry.h) needs a new challenge, so this is called again.
  Task<BrokerToken> fetch(const ValidatedEnclave& enclave, attest::TokenRequest request);

 private:
  Task<BrokerToken> fetch(attest::TokenRequest request);
  Task<attest::TokenChallenge> challenge();
  Task<net::HttpResponse> post(std::string target, Bytes body, std::string_view reason);

  HttpChannel& broker_;
  SelfAttestor& attestor_;
};

}  // namespace cofferdam::agent
