// SPDX-License-Identifier: Apache-2.0
#include "agent/credentials_endpoint.h"

#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_local.h"

namespace cofferdam::agent {
namespace {

class CredentialsEndpointTest : public testing::Test {
 protected:
  explicit CredentialsEndpointTest(std::string_view rego = "")
      : lab_("", rego),
        endpoint_({*lab_.release.lent, lab_.gate, lab_.release.enclave.clock}, "token") {}

  net::HttpResponse get(std::string target = std::string(kCredentialsPath),
                        std::string token = "token") {
    auto request =
        test::local_request("GET", std::move(target), {{"Authorization", std::move(token)}});
    return test::run(endpoint_.handle(std::move(request), test::some_caller())).value();
  }

  test::LocalLab lab_;
  CredentialsEndpoint endpoint_;
};

TEST_F(CredentialsEndpointTest, LendsWhatTheParentLends) {
  lab_.release.enclave.peer.answer(
      "/v1/credentials", 200,
      R"({"AccessKeyId":"AKIA","SecretAccessKey":"a/b+c","Token":"t","Expiration":"2026-03-01T13:00:00Z"})");
  const auto response = get();
  ASSERT_EQ(response.status, 200u) << as_text(response.body);
  const json::object body = test::body_of(response);
  EXPECT_EQ(body.at("AccessKeyId"), json::value("AKIA"));
  EXPECT_EQ(body.at("SecretAccessKey"), json::value("a/b+c"));
  EXPECT_EQ(body.at("Token"), json::value("t"));
  EXPECT_EQ(body.at("Expiration"), json::value("2026-03-01T13:00:00Z"));
}

TEST_F(CredentialsEndpointTest, LetsSdksAskAgainWhereTheParentNamesNoEnd) {
  EXPECT_EQ(test::body_of(get()).at("Expiration"), json::value("2026-03-01T12:15:00Z"));
}

TEST_F(CredentialsEndpointTest, HasATokenForSdksThatWantOne) {
  EXPECT_EQ(test::body_of(get()).at("Token"), json::value(""));
}

TEST_F(CredentialsEndpointTest, WantsTheToken) {
  EXPECT_EQ(get(std::string(kCredentialsPath), "other").status, 401u);
  EXPECT_EQ(get("/", "token").status, 404u);
}

TEST_F(CredentialsEndpointTest, SaysThatTheParentHasNone) {
  lab_.release.enclave.peer.answer("/v1/credentials", 500, "");
  const auto response = get();
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(test::body_of(response).at("code"), json::value("credentials_unavailable"));
}

class GatedCredentialsTest : public CredentialsEndpointTest {
 protected:
  GatedCredentialsTest()
      : CredentialsEndpointTest(
            "package cofferdam.release\nallow if input.request.kind == \"kms\"\n") {}
};

TEST_F(GatedCredentialsTest, AsksThePolicy) {
  const auto response = get();
  EXPECT_EQ(response.status, 403u);
  EXPECT_EQ(test::body_of(response).at("code"), json::value("policy_denied"));
}

}  // namespace
}  // namespace cofferdam::agent
