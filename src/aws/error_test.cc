// SPDX-License-Identifier: Apache-2.0
#include "aws/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws/sigv4.h"

namespace cofferdam::aws {
namespace {

using testing::HasSubstr;

TEST(AwsErrorTest, JsonErrorHasTypeMessageAndRequestId) {
  const auto response =
      json_error_response({.type = "NotFoundException", .message = "a \"key\""}, "req-1");
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(net::header(response.headers, "Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(net::header(response.headers, "x-amzn-RequestId"), "req-1");
  EXPECT_EQ(as_text(response.body), R"({"__type":"NotFoundException","message":"a \"key\""})");
}

TEST(AwsErrorTest, ReadsWhatItWritesAndTheFormsOfAws) {
  const auto read = [](std::string_view body) {
    return read_json_error({.status = 400, .headers = {}, .body = to_bytes(body)});
  };
  const AwsError again = read_json_error(
      json_error_response({.type = "NotFoundException", .message = "a \"key\""}, "req-1"));
  EXPECT_EQ(again.type, "NotFoundException");
  EXPECT_EQ(again.message, "a \"key\"");
  const AwsError other = read(R"({"__type":"com.amazonaws.kms#DisabledException","Message":"x"})");
  EXPECT_EQ(other.type, "DisabledException");
  EXPECT_EQ(other.message, "x");
}

TEST(AwsErrorTest, ReadsNothingFromOtherAnswersAndTamesText) {
  for (const std::string_view body : {"", "<html>", "[]", "{}", R"({"__type":7})", R"({"a":1)"}) {
    const AwsError error = read_json_error({.status = 503, .headers = {}, .body = to_bytes(body)});
    EXPECT_EQ(error.type, "") << body;
    EXPECT_EQ(error.message, "") << body;
    EXPECT_EQ(error.status, 503u);
  }
  const std::string body =
      R"({"__type":"A","message":")" + std::string(500, 'x') + R"(\u001b[2J"})";
  EXPECT_EQ(read_json_error({.status = 400, .headers = {}, .body = to_bytes(body)}).message,
            std::string(400, 'x'));
  EXPECT_EQ(read_json_error({.status = 400,
                             .headers = {},
                             .body = to_bytes(std::string_view(R"({"__type":"A\u001b"})"))})
                .type,
            "A?");
}

TEST(AwsErrorTest, QueryProtocolHasItsOwnNames) {
  EXPECT_EQ(query_error_code("InvalidSignatureException"), "SignatureDoesNotMatch");
  EXPECT_EQ(query_error_code("UnrecognizedClientException"), "InvalidClientTokenId");
  EXPECT_EQ(query_error_code("MissingAuthenticationTokenException"), "MissingAuthenticationToken");
  EXPECT_EQ(query_error_code("AccessDeniedException"), "AccessDenied");
  EXPECT_EQ(query_error_code("MalformedPolicyDocument"), "MalformedPolicyDocument");
}

TEST(AwsErrorTest, QueryErrorIsEscapedXml) {
  const auto response =
      query_error_response({.type = "ValidationException", .message = "<a> & 'b' \x01"}, "r",
                           "https://sts.amazonaws.com/doc/2011-06-15/");
  EXPECT_EQ(response.status, 400u);
  const std::string body(as_text(response.body));
  EXPECT_THAT(body, HasSubstr("<Type>Sender</Type>"));
  EXPECT_THAT(body, HasSubstr("<Code>ValidationError</Code>"));
  EXPECT_THAT(body, HasSubstr("<Message>&lt;a&gt; &amp; &apos;b&apos; ?</Message>"));
  EXPECT_THAT(body, HasSubstr("<RequestId>r</RequestId>"));
}

TEST(AwsErrorTest, QueryProtocolForbidsWhatJsonCallsABadRequest) {
  const AwsError denied{.type = "AccessDeniedException", .message = "no"};
  EXPECT_EQ(json_error_response(denied, "r").status, 400u);
  EXPECT_EQ(query_error_response(denied, "r", "x").status, 403u);
}

TEST(AwsErrorTest, ServerFaultsAreTheReceivers) {
  const auto response =
      query_error_response({.type = "InternalFailure", .message = "", .status = 500}, "r", "x");
  EXPECT_EQ(response.status, 500u);
  EXPECT_THAT(std::string(as_text(response.body)), HasSubstr("<Type>Receiver</Type>"));
}

TEST(AwsErrorTest, SignatureErrorsKeepTheirName) {
  const auto error = signature_error(
      {.code = Errc::unauthenticated, .detail = "text", .reason = kIncompleteSignature});
  EXPECT_EQ(error.type, "IncompleteSignatureException");
  EXPECT_EQ(error.message, "text");
  EXPECT_EQ(signature_error({}).type, "InvalidSignatureException");
}

}  // namespace
}  // namespace cofferdam::aws
