// SPDX-License-Identifier: Apache-2.0
#include "agent/secrets_agent.h"

#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_local.h"
#include "base/encoding.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kToken = "0123456789abcdef";

class SecretsAgentTest : public testing::Test {
 protected:
  explicit SecretsAgentTest(std::string_view rego = "")
      : lab_("", rego),
        agent_({*lab_.release.validated, *lab_.release.service, lab_.gate}, std::string(kToken)) {}

  net::HttpResponse get(std::string target) {
    return send(test::local_request("GET", std::move(target),
                                    {{std::string(kSecretsTokenHeader), std::string(kToken)}}));
  }
  net::HttpResponse send(net::HttpRequest request) {
    return test::run(agent_.handle(std::move(request), test::some_caller())).value();
  }

  test::LocalLab lab_;
  SecretsAgent agent_;
};

TEST_F(SecretsAgentTest, AnswersAsGetSecretValue) {
  for (const std::string target :
       {"/secretsmanager/get?secretId=database-password", "/v1/database-password",
        "/secretsmanager/get?secretId=arn%3Aaws%3Asecretsmanager%3Aus-east-1%3A111122223333%3A"
        "secret%3Adatabase-password&versionStage=AWSCURRENT"}) {
    const auto response = get(target);
    ASSERT_EQ(response.status, 200u) << as_text(response.body);
    const json::object body = test::body_of(response);
    EXPECT_EQ(body.at("SecretString"), json::value(json::string(lab_.release.kms.secret)));
    EXPECT_EQ(body.at("Name"), json::value("database-password"));
    EXPECT_EQ(
        body.at("ARN"),
        json::value("arn:aws:secretsmanager:us-east-1:111122223333:secret:database-password"));
    EXPECT_EQ(body.at("VersionStages"), json::value(json::array{"AWSCURRENT"}));
    EXPECT_EQ(body.at("CreatedDate"), json::value("1772366400.000"));
    EXPECT_EQ(body.at("VersionId").as_string().size(), 36u);
  }
  EXPECT_EQ(lab_.release.kms.peer.requests.size(), 1u) << "kept";
}

TEST_F(SecretsAgentTest, EscapesTextAndEncodesTheRest) {
  lab_.release.kms.secret = "a\"b\\c\nd\xc3\xa9";
  EXPECT_EQ(test::body_of(get("/v1/database-password")).at("SecretString"),
            json::value("a\"b\\c\nd\xc3\xa9"));
  lab_.release.kms.secret = "\xff\xfe";
  const json::object body =
      test::body_of(get("/secretsmanager/get?secretId=database-password&refreshNow=true"));
  EXPECT_EQ(body.at("SecretBinary"), json::value("//4="));
  EXPECT_FALSE(body.contains("SecretString"));
}

TEST_F(SecretsAgentTest, KeepsTheOldValueWhereARefreshFails) {
  ASSERT_EQ(get("/v1/database-password").status, 200u);
  lab_.release.kms.peer.answer("/", 400, R"({"__type":"AccessDeniedException"})");
  EXPECT_EQ(get("/v1/database-password?refreshNow=1").status, 400u);
  EXPECT_EQ(get("/v1/database-password").status, 200u);
}

TEST_F(SecretsAgentTest, WantsTheTokenAndNoForwarding) {
  EXPECT_EQ(send(test::local_request("GET", "/v1/database-password")).status, 403u);
  EXPECT_EQ(send(test::local_request("GET", "/v1/database-password",
                                     {{std::string(kSecretsTokenHeader), "0123456789abcdeF"}}))
                .status,
            403u);
  EXPECT_EQ(send(test::local_request("GET", "/v1/database-password",
                                     {{std::string(kSecretsTokenHeader), std::string(kToken)},
                                      {"X-Forwarded-For", "10.0.0.1"}}))
                .status,
            400u);
  EXPECT_EQ(send(test::local_request("POST", "/v1/database-password",
                                     {{std::string(kSecretsTokenHeader), std::string(kToken)}}))
                .status,
            405u);
  EXPECT_TRUE(lab_.release.kms.peer.requests.empty());
}

TEST_F(SecretsAgentTest, AnswersAPingWithoutAToken) {
  const auto response = send(test::local_request("GET", "/ping"));
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(as_text(response.body), "healthy");
}

TEST_F(SecretsAgentTest, RefusesQueriesWithTheAgentsWords) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"/secretsmanager/get?secretId=a&colour=red", "unknown parameter: colour"},
      {"/secretsmanager/get?secretId=a&refreshNow=123", "invalid refreshNow value"},
      {"/secretsmanager/get?versionId=1", "missing parameter secretId"},
      {"/v1/", "missing secret ID"},
  };
  for (const auto& [target, text] : cases) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 400u) << target;
    EXPECT_EQ(as_text(response.body), text);
  }
  EXPECT_EQ(get("/secretsmanager/put?secretId=a").status, 404u);
}

TEST_F(SecretsAgentTest, FindsNothingButDeclaredSecretsThatStayTheSame) {
  for (const std::string target :
       {"/v1/nobody", "/v1/envelope", "/v1/database-password?versionStage=AWSPREVIOUS",
        "/v1/database-password?versionId=0f0e0d0c-0b0a-0908-0706-050403020100"}) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 400u) << target;
    EXPECT_EQ(test::body_of(response).at("__type"), json::value("ResourceNotFoundException"));
  }
}

class GatedSecretsAgentTest : public SecretsAgentTest {
 protected:
  GatedSecretsAgentTest()
      : SecretsAgentTest("package cofferdam.release\nallow if input.peer.uid == 0\n") {}
};

TEST_F(GatedSecretsAgentTest, AsksThePolicy) {
  const auto response = get("/v1/database-password");
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(test::body_of(response).at("__type"), json::value("AccessDeniedException"));
  EXPECT_EQ(lab_.last_decision().operation, "GetSecretValue");
  EXPECT_TRUE(lab_.release.kms.peer.requests.empty());
}

}  // namespace
}  // namespace cofferdam::agent
