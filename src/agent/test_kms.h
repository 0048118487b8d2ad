// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/secret_service.h"
#include "agent/test_support.h"
#include "base/json.h"
#include "crypto/key_pair.h"

// Shared by the tests of this folder: a KMS that answers as KMS does, and an enclave that
// asks it.
namespace cofferdam::agent::test {

// Seals its answers for whatever key the document has, and checks nothing: what an enclave
// must not accept from such a peer is what the tests are about.
class FakeKms {
 public:
  FakeKms();

  net::HttpResponse respond(const net::HttpRequest& request);

  // Of the last request.
  const json::object& request() const { return request_; }
  attest::Document document() const;
  attest::CallBinding stated_binding() const;

  // As CiphertextForRecipient: for the last request's key, or for another one.
  std::string seal(const Secret& plaintext) const;
  static std::string seal_for(const Secret& plaintext, ByteView spki);

  FakePeer peer;
  std::string secret = "correct horse battery staple";  // What every ciphertext decrypts to,
  std::map<std::string, Secret> plaintexts;             // except these, by base64.
  std::function<void(json::object&)> forge;             // Called with the honest answer.
  crypto::KeyPair agreement_key;                        // Of DeriveSharedSecret.

 private:
  json::object honest_answer(std::string_view operation) const;
  json::object new_pair() const;

  json::object request_;
};

// A validated enclave, its parent and KMS.
struct TestRelease {
  TestRelease() : TestRelease(TestEnclave::Setup()) {}
  explicit TestRelease(const TestEnclave::Setup& setup);

  void offer(std::string_view json, const std::string& name = "database-password");
  Result<Secret> get(std::string name = "database-password") {
    return run(service->secret(std::move(name)));
  }

  TestEnclave enclave;
  FakeKms kms;
  KmsClient client;
  RecipientPool recipients{1};
  std::optional<ValidatedEnclave> validated;
  std::optional<ParentCredentials> lent;
  std::optional<SecretService> service;
};

}  // namespace cofferdam::agent::test
