// SPDX-License-Identifier: Apache-2.0
#include "attest/token_request.h"

#include "bytes/cbor.h"

namespace cofferdam::attest {
namespace {

constexpr std::string_view kRequestLabel = "cofferdam/token/v1";
constexpr std::string_view kProofLabel = "cofferdam/token-proof/v1";

void write(cbor::Writer& writer, const std::optional<std::string>& text) {
  if (text) {
    writer.text(*text);
  } else {
    writer.null();
  }
}

}  // namespace

Bytes TokenRequest::encode() const {
  cbor::Writer writer;
  writer.array(6).text(kRequestLabel).text(audience);
  write(writer, role);
  write(writer, session_name);
  if (duration_seconds) {
    writer.unsigned_integer(*duration_seconds);
  } else {
    writer.null();
  }
  writer.text(algorithm);
  return std::move(writer).take();
}

crypto::Sha384 TokenRequest::digest() const { return crypto::sha384(encode()); }

Bytes token_proof_message(const TokenChallenge& challenge, const TokenRequest& request) {
  cbor::Writer writer;
  writer.array(3).text(kProofLabel).bytes(challenge).bytes(request.digest());
  return std::move(writer).take();
}

Result<Bytes> sign_token_proof(const crypto::EcPrivateKey& key, const TokenChallenge& challenge,
                               const TokenRequest& request) {
  return key.sign_der(crypto::Hash::sha384, token_proof_message(challenge, request));
}

Status verify_token_proof(const crypto::EcPublicKey& key, const TokenChallenge& challenge,
                          const TokenRequest& request, ByteView proof) {
  return key.verify_der(crypto::Hash::sha384, token_proof_message(challenge, request), proof);
}

}  // namespace cofferdam::attest
