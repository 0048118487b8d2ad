// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "aws/sts_response.h"
#include "base/test_folder.h"
#include "net/http_server.h"
#include "net/testing.h"

namespace cofferdam::aws {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kIssued =
    R"({"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secret/+=",)"
    R"("Token":"token","Expiration":"2026-01-02T03:04:05Z"})";

// A server that stands in for the one a provider asks, with the rules of the real one.
class ProviderTest : public ::testing::Test {
 protected:
  ProviderTest()
      : server_(io_.get_executor(), {},
                [this](net::HttpRequest request) { return answer(std::move(request)); }) {
    url_ = "http://" +
           net::to_string(server_.listen(net::TcpAddress{"127.0.0.1", 0}).value()).substr(4);
    environment_["HOME"] = folder_ / "home";
  }

  virtual Task<net::HttpResponse> answer(net::HttpRequest request) {
    requests_.push_back(request.method + " " + request.target);
    co_return respond(request);
  }
  virtual net::HttpResponse respond(const net::HttpRequest& request) = 0;

  Result<std::unique_ptr<CredentialProvider>> choose() {
    return choose_provider({.environment = [this](const char* name) -> const char* {
                              const auto found = environment_.find(name);
                              return found == environment_.end() ? nullptr : found->second.c_str();
                            },
                            .tls = nullptr});
  }

  Result<IssuedCredentials> fetch() {
    auto provider = choose();
    if (!provider) return std::unexpected(provider.error());
    return net::testing::run(io_, (*provider)->fetch());
  }

  boost::asio::io_context io_{1};
  TestFolder folder_;
  std::map<std::string, std::string> environment_;
  net::HttpServer server_;
  std::string url_;
  std::vector<std::string> requests_;
};

// IMDSv2: a token by PUT with a time to live, and nothing without it.
class InstanceMetadataTest : public ProviderTest {
 protected:
  InstanceMetadataTest() { environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url_ + "/"; }

  net::HttpResponse respond(const net::HttpRequest& request) override {
    if (request.method == "PUT" && request.target == "/latest/api/token") {
      const auto seconds = net::header(request.headers, "X-aws-ec2-metadata-token-ttl-seconds");
      if (seconds.empty()) return net::text_response(400, "text/plain", "");
      return net::text_response(200, "text/plain", "session-token==");
    }
    if (net::header(request.headers, "X-aws-ec2-metadata-token") != "session-token==") {
      return net::text_response(401, "text/plain", "");
    }
    if (request.target == "/latest/meta-data/iam/security-credentials/") {
      return net::text_response(role_.empty() ? 404 : 200, "text/plain", role_);
    }
    if (request.target == "/latest/meta-data/iam/security-credentials/a-role") {
      return net::json_response(200, issued_);
    }
    return net::text_response(404, "text/plain", "");
  }

  std::string role_ = "a-role";
  std::string issued_{kIssued};
};

TEST_F(InstanceMetadataTest, TakesATokenThenTheRoleThenItsCredentials) {
  const auto issued = fetch();
  ASSERT_TRUE(issued.has_value()) << issued.error().detail;
  EXPECT_EQ(issued->credentials.access_key_id, "ASIAEXAMPLE");
  EXPECT_EQ(as_text(issued->credentials.secret_access_key.reveal()), "secret/+=");
  EXPECT_EQ(issued->credentials.session_token, "token");
  EXPECT_EQ(issued->expires, parse_rfc3339("2026-01-02T03:04:05Z").value());
  EXPECT_EQ(requests_.front(), "PUT /latest/api/token");
  EXPECT_EQ(requests_.size(), 3U);
}

TEST_F(InstanceMetadataTest, AnInstanceWithoutARoleIsToldSo) {
  role_.clear();
  const auto issued = fetch();
  ASSERT_FALSE(issued.has_value());
  EXPECT_EQ(issued.error().code, Errc::denied);
  EXPECT_THAT(issued.error().detail, HasSubstr("instance profile"));
}

TEST_F(InstanceMetadataTest, RefusesARoleThatWouldBeAPath) {
  role_ = "../../token";
  EXPECT_EQ(fetch().error().code, Errc::invalid_input);
  EXPECT_EQ(requests_.size(), 2U);
}

TEST_F(InstanceMetadataTest, RefusesCredentialsThatAreNone) {
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"Code":"Failed"})", R"({"AccessKeyId":"A","Token":"t"})",
        R"({"AccessKeyId":"A","SecretAccessKey":5})",
        R"({"AccessKeyId":"A","SecretAccessKey":"B","Expiration":"soon"})"}) {
    issued_ = bad;
    EXPECT_FALSE(fetch().has_value()) << bad;
  }
}

TEST_F(InstanceMetadataTest, IsNotAskedWhereItIsTurnedOff) {
  environment_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(fetch().error().code, Errc::not_found);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(InstanceMetadataTest, TheEnvironmentComesFirst) {
  environment_["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  EXPECT_EQ(fetch().value().credentials.access_key_id, "AKIDEXAMPLE");
  EXPECT_FALSE(fetch().value().expires.has_value());
  EXPECT_TRUE(requests_.empty());
}

// EKS Pod Identity: a token in a file, as it is now, in Authorization.
class ContainerTest : public ProviderTest {
 protected:
  ContainerTest() {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/v1/credentials";
    environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_ / "token";
    write("first");
  }
  void write(std::string_view token) { std::ofstream(folder_ / "token") << token; }

  net::HttpResponse respond(const net::HttpRequest& request) override {
    const auto token = net::header(request.headers, "Authorization");
    const bool right = request.target == "/v1/credentials" && token == expected_;
    return right ? net::json_response(200, kIssued) : net::json_response(401, "{}");
  }

  std::string expected_ = "first";
};

TEST_F(ContainerTest, SendsTheTokenOfTheFileAsItIsNow) {
  const auto provider = choose().value();
  EXPECT_TRUE(net::testing::run(io_, provider->fetch()).has_value());
  expected_ = "second";
  EXPECT_EQ(net::testing::run(io_, provider->fetch()).error().code, Errc::denied);
  write("second\n");
  EXPECT_TRUE(net::testing::run(io_, provider->fetch()).has_value());
}

TEST_F(ContainerTest, DoesNotFallBackToTheNode) {
  environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url_;
  write("wrong");
  EXPECT_EQ(fetch().error().code, Errc::denied);
  EXPECT_EQ(requests_, std::vector<std::string>{"GET /v1/credentials"});
}

TEST_F(ContainerTest, AnyAddressWithoutTlsIsRefused) {
  for (const std::string_view url :
       {"http://192.0.2.1/x", "http://example.com/x", "http://169.254.169.254/x", "ftp://localhost",
        "http://", "http://127.0.0.1:x/", "https://example.com/x"}) {
    environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_EQ(choose().error().code, Errc::invalid_input) << url;
  }
}

TEST_F(ContainerTest, ATokenOfTwoLinesIsNoHeader) {
  write("first\r\nX-Other: 1");
  EXPECT_EQ(fetch().error().code, Errc::invalid_input);
  EXPECT_TRUE(requests_.empty());
}

// STS, for what a service account of EKS has.
class WebIdentityTest : public ProviderTest {
 protected:
  WebIdentityTest() {
    environment_["AWS_ENDPOINT_URL_STS"] = url_;
    environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_ / "token";
    environment_["AWS_ROLE_ARN"] = "arn:aws:iam::111122223333:role/r";
    std::ofstream(folder_ / "token") << "header.payload.signature\n";
  }

  net::HttpResponse respond(const net::HttpRequest& request) override {
    form_ = as_text(request.body);
    return net::text_response(status_, "text/xml", answer_);
  }

  std::string form_;
  unsigned status_ = 200;
  std::string answer_ =
      R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:a:b</SubjectFromWebIdentityToken>
    <AssumedRoleUser><Arn>arn</Arn><AssumedRoleId>id</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SessionToken>token</SessionToken><SecretAccessKey>secret/+=</SecretAccessKey>
      <Expiration>2026-01-02T03:04:05Z</Expiration><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>)";
};

TEST_F(WebIdentityTest, ExchangesTheTokenForTheRole) {
  const auto issued = fetch();
  ASSERT_TRUE(issued.has_value()) << issued.error().detail;
  EXPECT_EQ(issued->credentials.access_key_id, "ASIAEXAMPLE");
  EXPECT_EQ(as_text(issued->credentials.secret_access_key.reveal()), "secret/+=");
  EXPECT_EQ(issued->expires, parse_rfc3339("2026-01-02T03:04:05Z").value());
  EXPECT_EQ(form_,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
            "111122223333%3Arole%2Fr&RoleSessionName=cofferdam-parent&WebIdentityToken="
            "header.payload.signature");
}

TEST_F(WebIdentityTest, ARefusalNamesTheRole) {
  status_ = 403;
  const auto issued = fetch();
  EXPECT_EQ(issued.error().code, Errc::denied);
  EXPECT_THAT(issued.error().detail, HasSubstr("role/r"));
}

TEST_F(WebIdentityTest, RefusesXmlThatIsNotThatOfSts) {
  const std::string good = answer_;
  const auto replaced = [&good](std::string_view what, std::string_view with) {
    std::string out = good;
    return out.replace(out.find(what), what.size(), with);
  };
  for (const std::string& bad :
       {std::string(), "<!DOCTYPE x>" + good, good + good, good.substr(0, good.size() - 1),
        replaced("<Credentials>", "<Others>"), replaced("secret/+=", "&lt;"),
        replaced("secret/+=", ""), replaced("2026-01-02T03:04:05Z", "soon"),
        replaced("<SessionToken>token</SessionToken>", ""),
        replaced("<AccessKeyId>", "<AccessKeyId>A</AccessKeyId><AccessKeyId>"),
        replaced("<Credentials>", "<Credentials><!-- -->")}) {
    answer_ = bad;
    EXPECT_EQ(fetch().error().code, Errc::invalid_input) << bad;
  }
}

TEST_F(WebIdentityTest, ReadsWhoseCredentialsTheyAre) {
  const auto role = parse_assumed_role(as_bytes(answer_));
  ASSERT_TRUE(role.has_value()) << role.error().detail;
  EXPECT_EQ(role->arn, "arn");
  EXPECT_EQ(role->issued.credentials.access_key_id, "ASIAEXAMPLE");
  for (const std::string_view without :
       {"<Arn>arn</Arn>", "<AssumedRoleUser>", "</AssumedRoleUser>"}) {
    std::string bad = answer_;
    bad.erase(bad.find(without), without.size());
    EXPECT_FALSE(parse_assumed_role(as_bytes(bad)).has_value()) << bad;
  }
  std::string twice = answer_;
  twice.insert(twice.find("<Arn>"), "<Arn>other</Arn>");
  EXPECT_FALSE(parse_assumed_role(as_bytes(twice)).has_value());
}

TEST(StsErrorTest, ReadsTheCodeAndNothingElse) {
  const auto error = [](std::string_view inside) {
    return read_sts_error(as_bytes("<ErrorResponse><Error>" + std::string(inside) +
                                   "</Error><RequestId>1</RequestId></ErrorResponse>"));
  };
  EXPECT_EQ(error("<Type>Sender</Type><Code>ExpiredTokenException</Code>"),
            "ExpiredTokenException");
  for (const std::string& bad :
       {std::string("<Code></Code>"), std::string("<Code>a b</Code>"),
        "<Code>" + std::string(65, 'a') + "</Code>", std::string("<Code>a</Code><Code>b</Code>"),
        std::string("<Inner><Code>a</Code></Inner>")}) {
    EXPECT_EQ(error(bad), "") << bad;
  }
  EXPECT_EQ(read_sts_error(Bytes()), "");
}

TEST_F(WebIdentityTest, NeedsItsRole) {
  environment_.erase("AWS_ROLE_ARN");
  EXPECT_EQ(choose().error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace cofferdam::aws
