// SPDX-License-Identifier: Apache-2.0
#include "aws/json_client.h"

#include <gtest/gtest.h>

#include "aws/sigv4.h"
#include "net/testing.h"

namespace cofferdam::aws {
namespace {

net::HttpResponse answer(unsigned status, std::string_view body) {
  return {.status = status, .headers = {}, .body = to_bytes(body)};
}

// Answers every request in one way and keeps it.
class FakeChannel final : public net::HttpChannel {
 public:
  Task<net::HttpResponse> send(net::HttpRequest request) override {
    last = std::move(request);
    co_return response;
  }
  Result<net::HttpResponse> response = answer(200, "{}");
  net::HttpRequest last;
};

class FixedClock final : public Clock {
 public:
  Timestamp now() const override { return Timestamp(std::chrono::milliseconds(1'760'000'000'000)); }
};

Credentials credentials() {
  return {.access_key_id = "AKIAEXAMPLE",
          .secret_access_key = Secret::copy_of(as_bytes("secret")),
          .session_token = "token"};
}

Task<Credentials> give_credentials() { co_return credentials(); }
Task<Credentials> give_none() { co_return fail(Errc::unavailable, "no credentials yet"); }

class JsonClientTest : public testing::Test {
 protected:
  Result<JsonAnswer> call(JsonClient::CredentialSource source = give_credentials) {
    JsonClient client(channel_, clock_, std::move(source),
                      dynamodb_service("eu-west-1", "dynamodb.eu-west-1.amazonaws.com"));
    boost::asio::io_context loop(1);
    return net::testing::run(loop, client.call("GetItem", {{"TableName", "t"}}));
  }

  FakeChannel channel_;
  FixedClock clock_;
};

TEST_F(JsonClientTest, SendsASignedRequestOfTheProtocol) {
  EXPECT_TRUE(call().has_value());
  const net::HttpRequest& sent = channel_.last;
  EXPECT_EQ(sent.method + " " + sent.target, "POST /");
  EXPECT_EQ(net::header(sent.headers, "X-Amz-Target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(net::header(sent.headers, "Content-Type"), "application/x-amz-json-1.0");
  EXPECT_EQ(as_text(sent.body), R"({"TableName":"t"})");
  const SignatureClaim claim = parse_signature(sent).value();
  EXPECT_TRUE(check_scope(claim, {"eu-west-1", "dynamodb"}).has_value());
  EXPECT_TRUE(
      verify_signature(sent, claim, credentials().secret_access_key, clock_.now()).has_value());
}

TEST_F(JsonClientTest, AnErrorAboutTheRequestIsAnAnswer) {
  channel_.response = answer(400, R"({"__type":"com.amazonaws#ConditionalCheckFailedException",)"
                                  R"("message":"no","Item":{"a":1}})");
  const JsonAnswer found = call().value();
  EXPECT_EQ(found.error, "ConditionalCheckFailedException");
  EXPECT_EQ(found.message, "no");
  EXPECT_TRUE(found.body.contains("Item"));
}

TEST_F(JsonClientTest, ThrottlingAndFaultsMayBeTriedAgain) {
  for (const auto& response :
       {answer(400, R"({"__type":"ThrottlingException"})"),
        answer(400, R"({"__type":"ProvisionedThroughputExceededException"})"), answer(500, "{}"),
        answer(503, "<html>")}) {
    channel_.response = response;
    EXPECT_EQ(call().error().code, Errc::unavailable);
  }
}

TEST_F(JsonClientTest, AnErrorThatIsNoJsonIsAnErrorAllTheSame) {
  channel_.response = answer(403, "<html>");
  EXPECT_EQ(call().value().error, "status 403");
}

TEST_F(JsonClientTest, RefusesASuccessThatIsNoObject) {
  for (const std::string_view body : {"", "[]", "{", R"({"a":1,"a":2})"}) {
    channel_.response = answer(200, body);
    EXPECT_EQ(call().error().code, Errc::invalid_input) << body;
  }
}

TEST_F(JsonClientTest, SendsNothingWithoutCredentials) {
  EXPECT_EQ(call(give_none).error().code, Errc::unavailable);
  EXPECT_TRUE(channel_.last.method.empty());
}

TEST_F(JsonClientTest, AChannelThatFailsIsReported) {
  channel_.response = fail(Errc::deadline_exceeded, "too slow");
  EXPECT_EQ(call().error().code, Errc::deadline_exceeded);
}

}  // namespace
}  // namespace cofferdam::aws
