// SPDX-License-Identifier: Apache-2.0
#include "cloud/web_identity.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "cloud/query_test_support.h"
#include "crypto/ec.h"
#include "jose/jws.h"
#include "net/http_server.h"

namespace cofferdam::cloud {
namespace {

using namespace test;

// An OIDC issuer on loopback whose keys can change.
class TestIssuer {
 public:
  explicit TestIssuer(boost::asio::io_context& io)
      : server_(io.get_executor(), {},
                [this](net::HttpRequest request) { return answer(std::move(request)); }) {
    const auto endpoint = server_.listen(net::TcpAddress{.host = "127.0.0.1", .port = 0});
    url_ = "http://127.0.0.1:" + std::to_string(std::get<net::TcpAddress>(*endpoint).port);
    rotate("k1");
  }

  void rotate(std::string key_id) {
    key_id_ = std::move(key_id);
    key_ = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  }

  json::object claims(Timestamp now) const {
    const std::int64_t seconds = now.time_since_epoch() / std::chrono::seconds(1);
    return {{"iss", url_},        {"sub", "repo:one"},    {"aud", "client"},
            {"iat", seconds - 1}, {"exp", seconds + 300}, {"amr", json::array{"authenticated"}}};
  }
  std::string token(const json::object& claims) const {
    const std::string payload = json::serialize(claims);
    return jose::sign_jws({{"kid", key_id_}}, as_bytes(payload), *key_).value();
  }
  const std::string& url() const { return url_; }
  std::string host() const { return provider_url(url_); }

  int fetches = 0;
  unsigned status = 200;
  std::string named;  // Issuer of the discovery document; empty: its own.

 private:
  Task<net::HttpResponse> answer(net::HttpRequest request) {
    if (status != 200) co_return net::json_response(status, "{}");
    if (request.target == "/.well-known/openid-configuration") {
      ++fetches;
      const json::object document{{"issuer", named.empty() ? url_ : named},
                                  {"jwks_uri", url_ + "/keys"}};
      co_return net::json_response(200, json::serialize(document));
    }
    const Bytes spki = key_->public_key().spki();
    const ByteView whole = ByteView(spki).last(65);  // The point of P-256, uncompressed.
    const json::object jwk{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"kid", key_id_},
                           {"x", to_base64url(whole.subspan(1, 32))},
                           {"y", to_base64url(whole.subspan(33, 32))}};
    co_return net::json_response(200, json::serialize(json::object{{"keys", json::array{jwk}}}));
  }

  std::string key_id_;
  std::optional<crypto::EcPrivateKey> key_;
  std::string url_;
  net::HttpServer server_;
};

class WebIdentityTest : public ::testing::Test {
 protected:
  WebIdentityTest() {
    cloud_.did("CreateOpenIDConnectProvider",
               {{"Url", issuer_.url()}, {"ClientIDList.member.1", "client"}});
    cloud_.make_role(
        "web",
        trust("{'Federated':'arn:aws:iam::111122223333:oidc-provider/" + issuer_.host() + "'}",
              ",'Condition':{'StringEquals':{'" + issuer_.host() + ":sub':'repo:one','" +
                  issuer_.host() + ":aud':'client'}}",
              "['sts:AssumeRoleWithWebIdentity','sts:TagSession']"),
        allow("kms:*"));
  }

  XmlAnswer assume(const std::string& token, QueryForm more = {}) {
    more.emplace("RoleArn", "arn:aws:iam::111122223333:role/web");
    more.emplace("RoleSessionName", "s1");
    more.emplace("WebIdentityToken", token);
    const net::HttpRequest request =
        query_request("AssumeRoleWithWebIdentity", "2011-06-15", std::move(more));
    bool done = false;
    boost::asio::co_spawn(io_, cloud_.prepare(request), [&](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
      done = true;
    });
    while (!done) io_.run_one();
    return QueryCloud::read_xml(cloud_.handle(request));
  }
  XmlAnswer assume_with(const std::function<void(json::object&)>& change) {
    json::object claims = issuer_.claims(cloud_.clock.now());
    change(claims);
    return assume(issuer_.token(claims));
  }
  XmlAnswer assume_plainly() {
    return assume_with([](json::object&) {});
  }
  void pass_time(std::chrono::seconds time) { cloud_.clock.set(cloud_.clock.now() + time); }

  boost::asio::io_context io_;
  TestIssuer issuer_{io_};
  QueryCloud cloud_;
};

TEST_F(WebIdentityTest, ATokenBecomesASession) {
  const XmlAnswer answer = assume_plainly();
  ASSERT_EQ(answer.status, 200U) << answer.text;
  EXPECT_EQ(answer.leaf("SubjectFromWebIdentityToken"), "repo:one");
  EXPECT_EQ(answer.leaf("Audience"), "client");
  EXPECT_EQ(answer.leaf("Provider"), "arn:aws:iam::111122223333:oidc-provider/" + issuer_.host());
  EXPECT_EQ(answer.leaf("Arn"), "arn:aws:sts::111122223333:assumed-role/web/s1");
  EXPECT_EQ(cloud_.kms(QueryCloud::credentials_in(answer), "ListKeys", {}).status, 200U);
}

TEST_F(WebIdentityTest, KeysAreFetchedOnceAndAgainWhenTheyRotate) {
  EXPECT_EQ(assume_plainly().status, 200U);
  EXPECT_EQ(assume_plainly().status, 200U);
  EXPECT_EQ(issuer_.fetches, 1);
  issuer_.rotate("k2");
  // Not at once: a stranger with made-up key ids must not make us fetch all day.
  EXPECT_EQ(assume_plainly().message(),
            "Couldn&apos;t retrieve verification key from your identity provider,  please "
            "reference AssumeRoleWithWebIdentity documentation for requirements");
  pass_time(IssuerKeys::kPause);
  EXPECT_EQ(assume_plainly().status, 200U);
  EXPECT_EQ(issuer_.fetches, 2);
}

TEST_F(WebIdentityTest, ATokenThatIsNotForUsIsRefused) {
  const auto refused = [&](const std::function<void(json::object&)>& change, std::string_view error,
                           std::string_view message) {
    const XmlAnswer answer = assume_with(change);
    EXPECT_EQ(answer.error(), error) << answer.text;
    EXPECT_TRUE(answer.message().starts_with(message)) << answer.message();
  };
  const std::int64_t now = cloud_.clock.now().time_since_epoch() / std::chrono::seconds(1);
  refused([](json::object& claims) { claims["aud"] = "other"; }, "InvalidIdentityToken",
          "Incorrect token audience");
  refused([](json::object& claims) { claims["azp"] = "other"; }, "InvalidIdentityToken",
          "Incorrect token audience");
  refused([&](json::object& claims) { claims["exp"] = now - 61; }, "ExpiredTokenException",
          "Token expired: current date/time " + std::to_string(now) +
              " must be before the expiration date/time " + std::to_string(now - 61));
  refused([&](json::object& claims) { claims["nbf"] = now + 120; }, "InvalidIdentityToken",
          "Token is not valid yet");
  refused([](json::object& claims) { claims.erase("exp"); }, "InvalidIdentityToken",
          "The ID Token provided is not a valid JWT.");
  refused([](json::object& claims) { claims["iss"] = "https://other.example.com"; },
          "InvalidIdentityToken",
          "No OpenIDConnect provider found in your account for https://other.example.com");
  refused([](json::object& claims) { claims["sub"] = "repo:two"; }, "AccessDenied",
          "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  EXPECT_EQ(assume("not a token").error(), "InvalidIdentityToken");
}

TEST_F(WebIdentityTest, OnlyTheIssuersKeysSign) {
  const json::object claims = issuer_.claims(cloud_.clock.now());
  EXPECT_EQ(assume(issuer_.token(claims)).status, 200U);
  std::string token = issuer_.token(claims);
  token.back() = token.back() == 'A' ? 'Q' : 'A';
  EXPECT_EQ(assume(token).error(), "InvalidIdentityToken");
  // Algorithms that take no key, or the public key for a shared one.
  const std::string payload = token.substr(token.find('.'), token.rfind('.') - token.find('.'));
  for (const char* algorithm : {"none", "HS256"}) {
    const std::string header = json::serialize(json::object{{"alg", algorithm}, {"kid", "k1"}});
    EXPECT_EQ(assume(to_base64url(as_bytes(header)) + payload + ".AAAA").error(),
              "InvalidIdentityToken")
        << algorithm;
  }
  issuer_.rotate("k1");  // Another key under the same name.
  EXPECT_EQ(assume(issuer_.token(claims)).message(),
            "The signature of the token could not be verified");
}

TEST_F(WebIdentityTest, TagsOfTheTokenBecomeThoseOfTheSession) {
  const auto tags = [](json::object& claims) {
    claims["https://aws.amazon.com/tags"] = {{"principal_tags", {{"team", json::array{"blue"}}}},
                                             {"transitive_tag_keys", json::array{"team"}}};
  };
  EXPECT_EQ(assume_with(tags).status, 200U);
  ASSERT_EQ(cloud_.trace.evaluations.size(), 2U);
  EXPECT_EQ(cloud_.trace.evaluations[1].request.action, "sts:TagSession");
  const auto malformed = [](json::object& claims) {
    claims["https://aws.amazon.com/tags"] = {{"principal_tags", {{"team", "blue"}}}};
  };
  EXPECT_EQ(assume_with(malformed).error(), "IDPRejectedClaim");
}

TEST_F(WebIdentityTest, AnIssuerThatDoesNotServeIsToldApart) {
  issuer_.named = "https://someone.example.com";
  EXPECT_EQ(assume_plainly().error(), "InvalidIdentityToken");
  issuer_.named.clear();
  issuer_.status = 503;
  pass_time(IssuerKeys::kPause);
  EXPECT_EQ(assume_plainly().error(), "InvalidIdentityToken");
  issuer_.status = 200;
  pass_time(IssuerKeys::kPause);
  EXPECT_EQ(assume_plainly().status, 200U);
  issuer_.status = 503;
  pass_time(std::chrono::minutes(30));
  EXPECT_EQ(assume_plainly().status, 200U);
}

TEST_F(WebIdentityTest, NobodyIsFetchedFromWithoutBeingRegistered) {
  boost::asio::io_context io;
  TestIssuer stranger(io);
  EXPECT_EQ(assume(stranger.token(stranger.claims(cloud_.clock.now()))).error(),
            "InvalidIdentityToken");
  io.poll();
  EXPECT_EQ(stranger.fetches, 0);
}

TEST_F(WebIdentityTest, AnIssuerThatIsDownIsACommunicationError) {
  // Nobody listens on port 1.
  cloud_.did("CreateOpenIDConnectProvider",
             {{"Url", "http://127.0.0.1:1"}, {"ClientIDList.member.1", "client"}});
  EXPECT_EQ(assume_with([](json::object& claims) { claims["iss"] = "http://127.0.0.1:1"; }).error(),
            "IDPCommunicationError");
}

TEST(IssuerUrlTest, OnlyLoopbackMayBePlain) {
  EXPECT_TRUE(parse_issuer_url("https://token.example.com:8443/a/b").has_value());
  EXPECT_TRUE(parse_issuer_url("http://127.0.0.1:80").has_value());
  EXPECT_TRUE(parse_issuer_url("http://[::1]:80/x").has_value());
  for (const char* url :
       {"http://example.com", "https://", "https://u:p@h", "https://h?q", "https://h#f",
        "https://h:0", "https://h:99999", "https://h:x", "https://[::1", "token.example.com"}) {
    EXPECT_FALSE(parse_issuer_url(url).has_value()) << url;
  }
}

}  // namespace
}  // namespace cofferdam::cloud
