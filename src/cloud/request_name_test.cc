// SPDX-License-Identifier: Apache-2.0
#include "cloud/request_name.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

RequestName json_name(std::string target) {
  net::HttpRequest request;
  request.method = "POST";
  request.headers = {{"X-Amz-Target", std::move(target)}};
  return name_of(request);
}

RequestName query_name(std::string_view body) {
  net::HttpRequest request;
  request.method = "POST";
  request.body = to_bytes(body);
  return name_of(request);
}

TEST(RequestNameTest, NamesRequestsOfBothProtocols) {
  EXPECT_EQ(json_name("TrentService.Decrypt"), (RequestName{"kms", "Decrypt"}));
  EXPECT_EQ(json_name("secretsmanager.GetSecretValue"),
            (RequestName{"secretsmanager", "GetSecretValue"}));
  EXPECT_EQ(query_name("Action=AssumeRole&Version=2011-06-15"), (RequestName{"sts", "AssumeRole"}));
  EXPECT_EQ(query_name("Version=2010-05-08&Action=CreateRole"), (RequestName{"iam", "CreateRole"}));
}

TEST(RequestNameTest, WhatIsNoNameIsNotRepeated) {
  EXPECT_EQ(json_name("TrentService.\"}\n"), (RequestName{"kms", ""}));
  EXPECT_EQ(json_name("TrentService." + std::string(65, 'a')), (RequestName{"kms", ""}));
  EXPECT_EQ(json_name("Other.Decrypt"), RequestName{});
  EXPECT_EQ(query_name("Action=AssumeRole"), RequestName{});
  EXPECT_EQ(query_name("&&==&Action"), RequestName{});
}

TEST(RequestNameTest, ReadsTheErrorOfBothProtocols) {
  const aws::AwsError error{.type = "AccessDeniedException", .message = "no <way>", .status = 400};
  EXPECT_EQ(error_in(refusal("kms", error, "id")).type, "AccessDeniedException");
  EXPECT_EQ(error_in(refusal("sts", error, "id")).type, "AccessDenied");
  EXPECT_EQ(error_in(refusal("sts", error, "id")).message, "no &lt;way&gt;");
  EXPECT_EQ(error_in(net::text_response(200, "text/plain", "<ErrorResponse>")).type, "");
}

}  // namespace
}  // namespace cofferdam::cloud
