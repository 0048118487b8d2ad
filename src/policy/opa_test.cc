// SPDX-License-Identifier: Apache-2.0
#include "policy/opa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "net/http_server.h"
#include "net/testing.h"

namespace cofferdam::policy {
namespace {

using namespace std::chrono_literals;

// An OPA that says what it is told to.
class FakeOpa {
 public:
  explicit FakeOpa(std::string answer, unsigned status = 200)
      : server_(loop_.executor(), {}, [this, answer, status](net::HttpRequest request) {
          seen_ = request.method + " " + request.target + " " + std::string(as_text(request.body));
          return reply(net::json_response(status, answer));
        }) {
    endpoint_ =
        loop_.call([this] { return server_.listen(net::TcpAddress{"127.0.0.1", 0}).value(); });
  }
  FakeOpa(const FakeOpa&) = delete;
  FakeOpa& operator=(const FakeOpa&) = delete;
  ~FakeOpa() { EXPECT_TRUE(loop_.run(server_.drain(0ms)).has_value()); }

  Result<RegoAnswer> ask(const std::string& rule = "data.a.b.allow") {
    OpaOptions options;
    options.server.endpoint = endpoint_;
    return opa_evaluate_blocking(std::move(options), rule, {{"x", 1}});
  }
  const std::string& seen() const noexcept { return seen_; }

 private:
  static Task<net::HttpResponse> reply(net::HttpResponse response) { co_return response; }

  net::testing::Loop loop_;
  std::string seen_;
  net::HttpServer server_;
  net::Endpoint endpoint_;
};

TEST(OpaTest, AsksForThePackageWithTheInput) {
  FakeOpa opa(R"({"result": {"allow": true}})");
  const auto answer = opa.ask();
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_TRUE(answer->allow);
  EXPECT_EQ(opa.seen(), R"(POST /v1/data/a/b {"input":{"x":1}})");
}

TEST(OpaTest, DeniesWithReasons) {
  FakeOpa opa(R"({"result": {"allow": false, "reasons": ["too late", 7]}})");
  const auto answer = opa.ask();
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_FALSE(answer->allow);
  EXPECT_EQ(answer->reason, "policy_denied");
  EXPECT_THAT(answer->reasons, testing::ElementsAre("too late"));
}

TEST(OpaTest, DeniesWhatIsUndefinedOrNoBoolean) {
  EXPECT_EQ(FakeOpa("{}").ask()->reason, "policy_undefined");
  EXPECT_EQ(FakeOpa(R"({"result": {}})").ask()->reason, "policy_undefined");
  EXPECT_EQ(FakeOpa(R"({"result": {"allow": "true"}})").ask()->reason, "policy_not_boolean");
  EXPECT_EQ(FakeOpa(R"({"result": {"allow": 1}})").ask()->reason, "policy_not_boolean");
}

TEST(OpaTest, AnAnswerThatIsNotUnderstoodIsAnError) {
  for (const char* text : {"", "true", "[]", R"({"result": true})", R"({"result": {"allow": true)",
                           R"({"result": {"allow": true, "allow": true}})"}) {
    EXPECT_EQ(FakeOpa(text).ask().error().reason, kOpaAnswer) << text;
  }
  EXPECT_EQ(FakeOpa(R"({"result": {"allow": true}})", 500).ask().error().reason, kOpaAnswer);
}

TEST(OpaTest, NobodyThereIsAnError) {
  OpaOptions options;
  options.server.endpoint = net::UnixAddress{"/nonexistent/opa.sock"};
  const auto answer = opa_evaluate_blocking(std::move(options), "data.a.allow", nullptr);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, kOpaUnavailable);
}

TEST(OpaTest, RefusesARuleThatIsNoPath) {
  FakeOpa opa(R"({"result": {"allow": true}})");
  EXPECT_FALSE(opa.ask("data.a/../../v0.allow"));
  EXPECT_EQ(opa.seen(), "");
}

}  // namespace
}  // namespace cofferdam::policy
