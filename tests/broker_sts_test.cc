// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "broker/http_service.h"
#include "broker/test_support.h"
#include "cloud/query_test_support.h"
#include "net/http_server.h"

// The whole way in one process: an enclave's document, a token of the broker, a session of the
// local STS, a call with its credentials.
namespace cofferdam {
namespace {

using cloud::QueryForm;
using cloud::test::QueryCloud;
using cloud::test::XmlAnswer;

// Serves a broker's discovery and keys on loopback, where its issuer's URL says.
class ServedBroker {
 public:
  explicit ServedBroker(boost::asio::io_context& io, Timestamp now)
      : listener_(
            net::Listener::open(io.get_executor(), net::TcpAddress{.host = "127.0.0.1", .port = 0})
                .value()),
        lab(url_of(listener_.endpoint()), now),
        service_(lab.tokens, lab.keys, metrics_, /*tls_only=*/false),
        server_(io.get_executor(), {},
                [this](net::HttpRequest request) { return service_.handle(std::move(request)); }) {
    server_.listen(std::move(listener_));
  }

  std::string host() const { return lab.tokens.issuer().substr(std::string("http://").size()); }

 private:
  static std::string url_of(const net::Endpoint& endpoint) {
    return "http://127.0.0.1:" + std::to_string(std::get<net::TcpAddress>(endpoint).port);
  }

  net::Listener listener_;

 public:
  broker::test::Lab lab;

 private:
  broker::Metrics metrics_;
  broker::HttpService service_;
  net::HttpServer server_;
};

class BrokerStsTest : public ::testing::Test {
 protected:
  BrokerStsTest() {
    cloud_.did("CreateOpenIDConnectProvider", {{"Url", "http://" + broker_.host()},
                                               {"ClientIDList.member.1", "sts.amazonaws.com"}});
    const std::string pcr8(broker::registers_of(broker::test::measured(1)).at("8").as_string());
    const std::string condition = ",'Condition':{'StringEquals':{'" + broker_.host() +
                                  ":aud':'sts.amazonaws.com','aws:RequestTag/pcr8':'" + pcr8 +
                                  "'}}";
    cloud_.make_role(
        "signer",
        cloud::test::trust(
            "{'Federated':'arn:aws:iam::111122223333:oidc-provider/" + broker_.host() + "'}",
            condition, "['sts:AssumeRoleWithWebIdentity','sts:TagSession']"),
        cloud::test::allow("kms:*"));
  }

  XmlAnswer assume(const std::string& token) {
    const net::HttpRequest request =
        cloud::test::query_request("AssumeRoleWithWebIdentity", "2011-06-15",
                                   {{"RoleArn", broker::test::kRole},
                                    {"RoleSessionName", "enclave-1"},
                                    {"WebIdentityToken", token}});
    bool done = false;
    boost::asio::co_spawn(io_, cloud_.prepare(request), [&](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
      done = true;
    });
    while (!done) io_.run_one();
    return QueryCloud::read_xml(cloud_.handle(request));
  }
  Result<broker::IssuedToken> token(const attest::TokenRequest& request) {
    return broker_.lab.ask(enclave_, request);
  }

  QueryCloud cloud_;
  boost::asio::io_context io_;
  ServedBroker broker_{io_, cloud_.clock.now()};
  broker::test::Enclave enclave_ = broker_.lab.enclave();
};

TEST_F(BrokerStsTest, AnAttestedEnclaveTakesTheRoleAndUsesIt) {
  for (const char* const algorithm : {"ES256", "RS256"}) {
    attest::TokenRequest request = broker::test::a_request();
    request.algorithm = algorithm;
    const auto issued = token(request);
    ASSERT_TRUE(issued.has_value()) << issued.error().detail;
    const XmlAnswer answer = assume(issued->token);
    ASSERT_EQ(answer.status, 200U) << answer.text;
    EXPECT_TRUE(answer.leaf("SubjectFromWebIdentityToken").starts_with("cofferdam:pcr0:"));
    EXPECT_EQ(cloud_.kms(QueryCloud::credentials_in(answer), "ListKeys", {}).status, 200U);
  }
}

TEST_F(BrokerStsTest, AnotherMeasurementTakesNoRoleEvenWithAToken) {
  // A policy that gives everybody a token: the trust policy still compares the session tag.
  ASSERT_TRUE(
      broker_.lab.policy
          .reload({{.name = "open.rego", .text = "package cofferdam.identity\nallow if true"}}, {},
                  {.time = std::chrono::seconds(5)})
          .has_value());
  broker::test::Enclave other = broker_.lab.enclave(/*seed=*/40);
  const auto issued = broker_.lab.ask(other);
  ASSERT_TRUE(issued.has_value());
  EXPECT_EQ(assume(issued->token).error(), "AccessDenied");
}

TEST_F(BrokerStsTest, AnExpiredTokenTakesNoRole) {
  const auto issued = token(broker::test::a_request());
  ASSERT_TRUE(issued.has_value());
  cloud_.clock.set(cloud_.clock.now() + std::chrono::minutes(17));
  EXPECT_EQ(assume(issued->token).error(), "ExpiredTokenException");
}

}  // namespace
}  // namespace cofferdam
