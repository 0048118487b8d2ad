// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cloud/iam_store.h"
#include "cloud/test_support.h"

// For the tests of Secrets Manager: requests to it, and callers with policies of their own.
namespace cofferdam::cloud::test {

class SecretsCloud : public TestCloud {
 public:
  // With a ClientRequestToken, as SDKs send one, unless the body has one.
  Answer as(const aws::Credentials& who, std::string_view operation, json::object body) {
    const bool takes_token = operation == "CreateSecret" || operation == "PutSecretValue" ||
                             operation == "UpdateSecret" || operation == "RotateSecret";
    if (takes_token && !body.contains("ClientRequestToken")) {
      body["ClientRequestToken"] = token(++tokens_);
    }
    return raw(who, operation, json::serialize(body));
  }
  Answer sm(std::string_view operation, json::object body) {
    return as(admin(), operation, std::move(body));
  }

  Answer raw(const aws::Credentials& who, std::string_view operation, std::string_view body) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.headers = {{"Host", "127.0.0.1:4566"},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "secretsmanager." + std::string(operation)}};
    request.body = to_bytes(body);
    const Status done = aws::sign_request(
        request, who, {.region = "us-east-1", .service = "secretsmanager"}, clock.now());
    EXPECT_TRUE(done.has_value());
    return read(handle(request));
  }

  // The ARN of a new secret with this text.
  std::string create(const std::string& name, const std::string& value = "hunter2") {
    const Answer answer = sm("CreateSecret", {{"Name", name}, {"SecretString", value}});
    EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
    return answer.text("ARN");
  }

  std::string value_of(const std::string& id) {
    return sm("GetSecretValue", {{"SecretId", id}}).text("SecretString");
  }

  // A user with this identity policy; none if it is empty.
  aws::Credentials user(const std::string& name, const std::string& policy,
                        const std::string& account = "111122223333") {
    IamStore iam(store());
    Identity user;
    user.id = "AIDA" + account + name;
    user.account = account;
    user.name = name;
    user.created = clock.now();
    // Made once; a further call replaces the policy.
    if (!*iam.find_identity(Identity::Kind::user, account, name)) {
      EXPECT_TRUE(iam.add_identity(user).has_value());
      EXPECT_TRUE(
          iam.add_access_key(
                 {.id = "AKIA" + account + name, .user_id = user.id, .created = clock.now()},
                 Secret::copy_of(as_bytes("secret of " + name)))
              .has_value());
    }
    if (!policy.empty()) {
      EXPECT_TRUE(iam.put_inline_policy(user.id, {.name = "own", .document = policy}).has_value());
    }
    return credentials(user.arn());
  }

  // 36 characters, different for each number.
  static std::string token(int number) {
    const std::string digits = std::to_string(number);
    return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
  }

 private:
  int tokens_ = 900'000;
};

inline std::string allow(const std::string& actions, const std::string& resource = "\"*\"",
                         const std::string& condition = "{}") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":)" + actions +
         R"(,"Resource":)" + resource + R"(,"Condition":)" + condition + "}]}";
}

inline void expect_refusal(const Answer& answer, std::string_view type, std::string_view text) {
  EXPECT_EQ(answer.status, 400U);
  EXPECT_EQ(answer.error(), type);
  EXPECT_NE(answer.text("message").find(text), std::string::npos) << answer.text("message");
}

}  // namespace cofferdam::cloud::test
