// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "attest/call_binding.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "cloud/cloud_service.h"
#include "cloud/identities.h"
#include "crypto/cms.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "nsm/authority.h"
#include "nsm/module.h"

// For the tests of this folder: a local AWS without sockets, and an enclave to call it.
namespace cofferdam::cloud::test {

class RecordingLog final : public ledger::DecisionLog {
 public:
  Status record(const ledger::Decision& decision) override {
    if (broken) return fail(Errc::unavailable, "disk full");
    decisions.push_back(decision);
    return {};
  }
  const ledger::Decision& last() const { return decisions.back(); }

  bool broken = false;
  std::vector<ledger::Decision> decisions;
};

struct Answer {
  unsigned status = 0;
  json::object body;

  std::string text(std::string_view name) const {
    const json::value* value = body.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  }
  std::string error() const { return text("__type"); }
};

inline std::string str(const json::value& value) { return std::string(value.as_string()); }

// A local AWS with its two principals, in memory.
class TestCloud {
 public:
  explicit TestCloud(CloudOptions options = {})
      : authority_(*nsm::Authority::open(folder_.path() / "nsm", clock)),
        store_(*Store::open(std::nullopt, Secret(32))),
        verifier_(*attest::TrustRoot::from_der(authority_.root_der())),
        service_(store_, verifier_, log, clock, std::move(options)) {
    EXPECT_TRUE(ensure_principals(store_, Place{}, clock.now()).has_value());
  }

  net::HttpResponse handle(const net::HttpRequest& request) {
    trace = CallTrace{};
    trace.detailed = true;
    return service_.handle(request, trace);
  }

  boost::asio::awaitable<void> prepare(const net::HttpRequest& request) {
    return service_.prepare(request);
  }

  aws::Credentials credentials(const std::string& arn) {
    auto found = credentials_of(store_, arn);
    EXPECT_TRUE(found.has_value()) << arn;
    return *std::move(found);
  }
  aws::Credentials admin() { return credentials(admin_arn(Place{})); }
  aws::Credentials enclave() { return credentials(enclave_session_arn(Place{})); }

  net::HttpRequest kms_request(std::string_view operation, const json::object& body,
                               net::Headers extra = {}) const {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.headers = {{"Host", "127.0.0.1:4566"},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "TrentService." + std::string(operation)}};
    request.headers.insert(request.headers.end(), extra.begin(), extra.end());
    request.body = to_bytes(std::string_view(json::serialize(body)));
    return request;
  }

  Answer send(const aws::Credentials& who, net::HttpRequest request) {
    const Status done =
        aws::sign_request(request, who, {.region = "us-east-1", .service = "kms"}, clock.now());
    EXPECT_TRUE(done.has_value());
    return read(handle(request));
  }
  Answer kms(const aws::Credentials& who, std::string_view operation, const json::object& body,
             net::Headers extra = {}) {
    return send(who, kms_request(operation, body, std::move(extra)));
  }
  Answer kms(std::string_view operation, const json::object& body) {
    return kms(admin(), operation, body);
  }

  static Answer read(const net::HttpResponse& response) {
    const auto value = parse_json(as_text(response.body), /*max_size=*/1 << 20);
    EXPECT_TRUE(value.has_value()) << as_text(response.body);
    return {.status = response.status, .body = value ? value->as_object() : json::object()};
  }

  // The ARN of a new key; with the default policy unless one is given.
  std::string create_key(const std::string& policy = {}) {
    json::object body;
    if (!policy.empty()) body["Policy"] = policy;
    const Answer answer = kms("CreateKey", body);
    EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
    return std::string(answer.body.at("KeyMetadata").at("Arn").as_string());
  }

  const nsm::Authority& authority() const { return authority_; }
  Store& store() { return store_; }

  ManualClock clock{*parse_rfc3339("2026-01-15T12:00:00Z")};
  RecordingLog log;
  CallTrace trace;  // Of the last request.

 private:
  TestFolder folder_;
  nsm::Authority authority_;
  Store store_;
  attest::Verifier verifier_;
  CloudService service_;
};

// An enclave with an emulated module and one recipient key.
class TestEnclave {
 public:
  TestEnclave(const TestCloud& cloud, nsm::BootState state)
      : module_(*nsm::Module::boot(cloud.authority(), cloud.clock, std::move(state))),
        key_(*crypto::RsaPrivateKey::generate()) {}

  static nsm::BootState measured(std::uint8_t pcr0) {
    nsm::BootState state;
    for (const int index : {0, 1, 2, 8}) {
      state.pcrs[static_cast<std::uint8_t>(index)] =
          Bytes(48, static_cast<std::uint8_t>(index + 1));
    }
    state.pcrs[0] = Bytes(48, pcr0);
    return state;
  }

  Bytes document(const attest::CallBinding* binding = nullptr, bool with_key = true) {
    nsm::AttestationRequest request;
    request.nonce = crypto::random_bytes(32);
    if (with_key) request.public_key = key_.spki();
    if (binding != nullptr) {
      const crypto::Sha384 digest = binding->digest();
      request.user_data = Bytes(digest.begin(), digest.end());
    }
    const nsm::Response response = module_.handle(request);
    return std::get<nsm::AttestationResponse>(response).document;
  }

  static json::object recipient(ByteView document) {
    return {{"KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"},
            {"AttestationDocument", to_base64(document)}};
  }

  // What was sealed for this enclave, or "" if nothing was.
  std::string open(const Answer& answer) const {
    const auto sealed = from_base64(answer.text("CiphertextForRecipient"));
    if (!sealed) return "";
    const auto plaintext = crypto::cms_open(*sealed, key_);
    return plaintext ? std::string(as_text(plaintext->reveal())) : "";
  }

 private:
  nsm::Module module_;
  crypto::RsaPrivateKey key_;
};

}  // namespace cofferdam::cloud::test
