// SPDX-License-Identifier: Apache-2.0
#include "agent/test_kms.h"

#include <boost/json/serialize.hpp>
#include <utility>

#include "base/encoding.h"
#include "crypto/cms.h"

namespace cofferdam::agent::test {
namespace {

std::string text_of(const json::object& object, std::string_view name) {
  return std::string(object.at(name).get_string());
}

Bytes bytes_of(const json::object& object, std::string_view name) {
  return from_base64(text_of(object, name)).value();
}

}  // namespace

FakeKms::FakeKms() : agreement_key(crypto::KeyPair::generate(crypto::KeyKind::p256).value()) {
  peer.answers["/"] = [this](const net::HttpRequest& request) { return respond(request); };
}

net::HttpResponse FakeKms::respond(const net::HttpRequest& request) {
  request_ = parse_json(as_text(request.body), 131'072).value().get_object();
  constexpr std::string_view kService = "TrentService.";
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  json::object answer = honest_answer(target.substr(kService.size()));
  if (forge) forge(answer);
  return net::json_response(200, json::serialize(answer));
}

attest::Document FakeKms::document() const {
  const Bytes bytes = bytes_of(request_.at("Recipient").get_object(), "AttestationDocument");
  return attest::parse_document(bytes).value().document;
}

attest::CallBinding FakeKms::stated_binding() const {
  const net::Headers& headers = peer.requests.back().headers;
  const Bytes encoded = from_base64(net::header(headers, attest::kCallBindingHeader)).value();
  return attest::CallBinding::decode(encoded).value();
}

std::string FakeKms::seal_for(const Secret& plaintext, ByteView spki) {
  return to_base64(crypto::cms_seal(plaintext, spki).value());
}

std::string FakeKms::seal(const Secret& plaintext) const {
  return seal_for(plaintext, *document().public_key);
}

json::object FakeKms::new_pair() const {
  const auto pair = crypto::KeyPair::generate(crypto::KeyKind::p256).value();
  json::object out;
  out["KeyPairSpec"] = request_.at("KeyPairSpec");
  out["PublicKey"] = to_base64(pair.spki());
  out["PrivateKeyCiphertextBlob"] = "AAEC";
  out["CiphertextForRecipient"] = seal(pair.to_pkcs8());
  return out;
}

json::object FakeKms::honest_answer(std::string_view operation) const {
  json::object out;
  if (operation == "Decrypt") {
    const auto other = plaintexts.find(text_of(request_, "CiphertextBlob"));
    out["CiphertextForRecipient"] =
        seal(other == plaintexts.end() ? Secret::copy_of(as_bytes(secret)) : other->second.clone());
    out["EncryptionAlgorithm"] = "SYMMETRIC_DEFAULT";
  } else if (operation == "GenerateDataKey") {
    out["CiphertextForRecipient"] = seal(Secret(request_.at("KeySpec") == "AES_128" ? 16 : 32));
    out["CiphertextBlob"] = "AAEC";
  } else if (operation == "GenerateDataKeyPair") {
    out = new_pair();
  } else if (operation == "GenerateRandom") {
    out["CiphertextForRecipient"] =
        seal(Secret(request_.at("NumberOfBytes").to_number<std::size_t>()));
  } else if (operation == "DeriveSharedSecret") {
    out["CiphertextForRecipient"] =
        seal(agreement_key.agree(bytes_of(request_, "PublicKey")).value());
    out["KeyAgreementAlgorithm"] = "ECDH";
    out["KeyOrigin"] = "AWS_KMS";
  }
  if (const json::value* key = request_.if_contains("KeyId")) out["KeyId"] = *key;
  return out;
}

TestRelease::TestRelease(const TestEnclave::Setup& setup)
    : enclave(setup),
      client(kms.peer, enclave.clock, {"us-east-1", "kms.us-east-1.amazonaws.com"}),
      validated(enclave.run_boot().value()) {
  lent.emplace(enclave.parent, *validated);
  service.emplace(SecretService::Parts{*validated, enclave.attestor, recipients, enclave.parent,
                                       *lent, client, enclave.clock, enclave.console});
  offer(R"({"ciphertext":"AAECAwQ="})");
  enclave.peer.requests.clear();
}

void TestRelease::offer(std::string_view json, const std::string& name) {
  enclave.peer.answer("/v1/ciphertexts/" + name, 200, json);
}

}  // namespace cofferdam::agent::test
