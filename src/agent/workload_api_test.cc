// SPDX-License-Identifier: Apache-2.0
#include "agent/workload_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "agent/reason.h"
#include "agent/test_local.h"
#include "base/encoding.h"
#include "base/text.h"
#include "crypto/key_pair.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kConfig = R"(
[[secret]]
name = "signing-key"
operation = "GenerateDataKeyPair"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
key_spec = "ECC_NIST_P256"
[[secret]]
name = "seed"
operation = "GenerateRandom"
size = 48
[[secret]]
name = "root"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[sealing]]
name = "orders"
roots = ["root"]
)";

class WorkloadApiTest : public testing::Test {
 protected:
  WorkloadApiTest() : WorkloadApiTest("") {}
  explicit WorkloadApiTest(std::string_view rego)
      : lab_(std::string(kConfig), rego),
        sealing_({*lab_.release.validated, *lab_.release.service, lab_.release.enclave.parent}),
        api_({*lab_.release.validated, *lab_.release.service, sealing_, lab_.gate,
              lab_.release.enclave.clock, [this] { ++alive_; }}) {
    lab_.release.offer(R"({"ciphertext":"AAAA"})", "root");
    lab_.release.kms.plaintexts.emplace("AAAA", Secret::copy_of(Bytes(32, 1)));
  }

  Result<net::HttpResponse> ask(std::string method, std::string target,
                                std::string_view body = "") {
    auto request = test::local_request(std::move(method), std::move(target), {}, body);
    return test::run(api_.handle(std::move(request), test::some_caller()));
  }

  test::LocalLab lab_;
  SealingService sealing_;
  WorkloadApi api_;
  int alive_ = 0;
};

TEST_F(WorkloadApiTest, ServesTheSecretsBytes) {
  const auto response = ask("GET", "/v1/secrets/database-password");
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(response->status, 200u);
  EXPECT_EQ(as_text(response->body), lab_.release.kms.secret);
  EXPECT_EQ(net::header(response->headers, "Cache-Control"), "no-store");
}

TEST_F(WorkloadApiTest, ServesDataKeysAsJson) {
  const auto response = ask("POST", "/v1/data-keys/envelope");
  ASSERT_TRUE(response.has_value());
  const json::object body = test::body_of(*response);
  EXPECT_EQ(body.at("key"), json::value(to_base64(Bytes(32))));
  EXPECT_EQ(body.at("ciphertext"), json::value("AAEC"));
}

TEST_F(WorkloadApiTest, ServesKeyPairsWhosePartsBelongTogether) {
  const auto response = ask("POST", "/v1/key-pairs/signing-key");
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  const json::object body = test::body_of(*response);
  const auto pair =
      crypto::KeyPair::from_pkcs8(secret_from_base64(body.at("privateKey").as_string()).value());
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(to_base64(pair->spki()), body.at("publicKey").as_string());
}

TEST_F(WorkloadApiTest, ServesAsManyRandomBytesAsDeclared) {
  const auto response = ask("POST", "/v1/random/seed");
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(response->body.size(), 48u);
}

TEST_F(WorkloadApiTest, OpensWhatItSealed) {
  const auto sealed = ask("POST", "/v1/seal/orders?epoch=7", "balance");
  ASSERT_TRUE(sealed.has_value()) << sealed.error().detail;
  const auto opened = ask("POST", "/v1/unseal/orders?minimum_epoch=7", as_text(sealed->body));
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  EXPECT_EQ(as_text(opened->body), "balance");
  EXPECT_EQ(net::header(opened->headers, "Cofferdam-Epoch"), "7");
  EXPECT_EQ(net::header(opened->headers, "Cofferdam-Release"), "3");
  EXPECT_EQ(ask("POST", "/v1/unseal/orders?minimum_epoch=8", as_text(sealed->body)).error().reason,
            "rolled_back");
}

TEST_F(WorkloadApiTest, WantsToBeToldHowOldStateMayBe) {
  EXPECT_EQ(ask("POST", "/v1/unseal/orders", "x").error().code, Errc::invalid_input);
  EXPECT_EQ(ask("GET", "/v1/state/orders?minimum_epoch=-1").error().code, Errc::invalid_input);
}

TEST_F(WorkloadApiTest, DerivesTheSameKeyForTheSameLabel) {
  const auto one = ask("POST", "/v1/derive/orders?label=index&size=32");
  const auto again = ask("POST", "/v1/derive/orders?label=index&size=32");
  const auto other = ask("POST", "/v1/derive/orders?label=cache&size=32");
  ASSERT_TRUE(one.has_value() && again.has_value() && other.has_value()) << one.error().detail;
  EXPECT_EQ(one->body.size(), 32u);
  EXPECT_EQ(one->body, again->body);
  EXPECT_NE(one->body, other->body);
}

TEST_F(WorkloadApiTest, SaysWhoTheEnclaveIs) {
  const auto response = ask("GET", "/v1/status");
  ASSERT_TRUE(response.has_value());
  const json::object body = test::body_of(*response);
  EXPECT_EQ(body.at("release"), json::value(3));
  EXPECT_EQ(body.at("time"), json::value("2026-03-01T12:00:00Z"));
  EXPECT_EQ(body.at("sealings"), json::value(json::array{"orders"}));
}

TEST_F(WorkloadApiTest, PassesOnThatTheWorkloadIsAlive) {
  EXPECT_EQ(ask("POST", "/v1/alive")->status, 204u);
  EXPECT_EQ(alive_, 1);
}

TEST_F(WorkloadApiTest, RefusesOtherMethodsAndTargets) {
  EXPECT_EQ(ask("POST", "/v1/secrets/database-password")->status, 405u);
  EXPECT_EQ(ask("GET", "/v1/data-keys/envelope")->status, 405u);
  EXPECT_EQ(ask("DELETE", "/v1/status")->status, 405u);
  EXPECT_EQ(ask("GET", "/")->status, 404u);
  EXPECT_EQ(ask("GET", "/v1/secrets/")->status, 404u);
  EXPECT_EQ(ask("GET", "/v1/secrets/../status")->status, 404u);
  EXPECT_EQ(ask("GET", "/v1/secrets/nobody").error().reason, reason::kNoSuchSecret);
}

class GatedApiTest : public WorkloadApiTest {
 protected:
  GatedApiTest()
      : WorkloadApiTest(
            "package cofferdam.release\nallow if input.request.operation == \"Seal\"\n") {}
};

TEST_F(GatedApiTest, AsksThePolicyOnEveryWayToASecret) {
  const std::vector<std::pair<std::string, std::string>> ways{
      {"GET", "/v1/secrets/database-password"},
      {"POST", "/v1/data-keys/envelope"},
      {"POST", "/v1/key-pairs/signing-key"},
      {"POST", "/v1/random/seed"},
      {"POST", "/v1/derive/orders?label=a&size=32"},
      {"POST", "/v1/unseal/orders?minimum_epoch=0"},
      {"POST", "/v1/reseal/orders?minimum_epoch=0&epoch=1"},
      {"GET", "/v1/state/orders?minimum_epoch=0"},
      {"PUT", "/v1/state/orders?epoch=1"},
  };
  for (const auto& [method, target] : ways) {
    const auto refused = ask(method, target);
    ASSERT_FALSE(refused.has_value()) << target;
    EXPECT_EQ(refused.error().reason, reason::kPolicyDenied) << target;
  }
  EXPECT_TRUE(lab_.release.kms.peer.requests.empty());
  EXPECT_TRUE(ask("POST", "/v1/seal/orders?epoch=1", "x").has_value());
}

// "/v1/x:" at two spaces and "get:" at four below it: the only form the file uses.
std::set<std::string> described_routes() {
  std::ifstream file("docs/openapi/agent.yaml");
  std::set<std::string> out;
  std::string path;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const std::string method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
      if (line == "    " + to_lower(method) + ":") out.insert(method + " " + path);
    }
  }
  return out;
}

TEST(WorkloadRoutesTest, AreThoseOfTheOpenApiDescription) {
  std::set<std::string> served;
  for (const WorkloadRoute& route : WorkloadApi::routes()) {
    served.insert(std::string(route.method) + " " + std::string(route.path));
  }
  EXPECT_EQ(served, described_routes());
}

}  // namespace
}  // namespace cofferdam::agent
