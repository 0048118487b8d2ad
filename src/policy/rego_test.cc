// SPDX-License-Identifier: Apache-2.0
#include "policy/rego.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <thread>

namespace cofferdam::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kPolicy = R"(package shop

default allow := false

allow if {
	input.request.secret == "db"
	input.peer.uid in data.config.uids
}

reasons contains "not one of the users" if not input.peer.uid in data.config.uids

odd := "yes"

test_allowed if allow with input as {"request": {"secret": "db"}, "peer": {"uid": 7}}
	with data.config as {"uids": [7]}
)";

RegoPolicy compile(std::string text, json::object data = {}, RegoLimits limits = {}) {
  auto policy = RegoPolicy::compile({{"policy.rego", std::move(text)}}, std::move(data), limits);
  if (!policy) throw std::runtime_error(policy.error().detail);
  return *std::move(policy);
}

Error refusal(std::string text) {
  auto policy = RegoPolicy::compile({{"policy.rego", std::move(text)}});
  if (policy) throw std::runtime_error("it compiled");
  return policy.error();
}

json::object shop_data() { return {{"config", json::object{{"uids", {7, 8}}}}}; }

json::value asks(int uid) { return {{"request", {{"secret", "db"}}}, {"peer", {{"uid", uid}}}}; }

TEST(RegoTest, AllowsWhatTheRuleSays) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  const auto answer = policy.evaluate("data.shop.allow", asks(7));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_TRUE(answer->allow);
  EXPECT_EQ(answer->reason, "");
  EXPECT_THAT(answer->reasons, IsEmpty());
}

TEST(RegoTest, DeniesWithReasons) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  const auto answer = policy.evaluate("data.shop.allow", asks(9));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_FALSE(answer->allow);
  EXPECT_EQ(answer->reason, "policy_denied");
  EXPECT_THAT(answer->reasons, ElementsAre("not one of the users"));
}

TEST(RegoTest, DeniesWhatIsUndefinedOrNoBoolean) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  for (const char* rule : {"data.shop.missing", "data.other.allow", "data.config.uids"}) {
    const auto answer = policy.evaluate(rule, asks(7));
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_FALSE(answer->allow) << rule;
  }
  EXPECT_EQ(policy.evaluate("data.shop.missing", asks(7))->reason, "policy_undefined");
  EXPECT_EQ(policy.evaluate("data.shop.odd", asks(7))->reason, "policy_not_boolean");
}

TEST(RegoTest, RefusesARuleThatIsNoPath) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  for (const char* rule : {"", "data", "data.", "data.shop.", "data..allow", "true", "input.x",
                           "data.shop.allow; true", "data.shop[\"allow\"]", "data.1shop"}) {
    EXPECT_FALSE(policy.evaluate(rule, asks(7))) << rule;
  }
}

TEST(RegoTest, SaysWhereTheSyntaxIsWrong) {
  const Error error = refusal("package a\n\nallow if {\n\tinput.x ==\n}\n");
  EXPECT_EQ(error.reason, kPolicySyntax);
  EXPECT_THAT(error.detail, StartsWith("policy.rego:5:1: "));
}

TEST(RegoTest, RefusesVariablesThatNothingBinds) {
  EXPECT_EQ(refusal("package a\n\nallow if input.x == y\n").reason, kPolicySyntax);
  EXPECT_EQ(refusal("package a\n\nallow if not x\n").reason, kPolicySyntax);
}

TEST(RegoTest, RefusesFunctionsThatAreNotDeterministicOrNotThere) {
  for (const char* call :
       {R"(http.send({"method": "GET", "url": "http://a"}))", "opa.runtime()", "time.now_ns()",
        R"(rand.intn("x", 5))", R"(uuid.rfc4122("x"))", R"(net.lookup_ip_addr("a"))", "nothing(1)",
        "data.b.nothing(1)", "input.f(1)"}) {
    const Error error =
        refusal("package a\n\nallow if {\n\tx := " + std::string(call) + "\n\tx\n}\n");
    EXPECT_EQ(error.reason, kPolicySyntax) << call;
    EXPECT_THAT(error.detail, HasSubstr("policy.rego:4")) << call;
    EXPECT_THAT(error.detail, HasSubstr("there is no function")) << call;
  }
}

TEST(RegoTest, CallsFunctionsOfOtherModules) {
  auto policy = RegoPolicy::compile(
      {{"lib.rego", "package lib\n\ndouble(x) := x * 2\n"},
       {"a.rego",
        "package a\n\nimport data.lib\nimport data.lib.double as twice\n\n"
        "own(x) := x\n\nallow if {\n\tlib.double(2) == 4\n\ttwice(2) == 4\n"
        "\tdata.lib.double(2) == 4\n\town(1) == 1\n\tdata.a.own(1) == 1\n}\n"}});
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_TRUE(policy->evaluate("data.a.allow", nullptr)->allow);
}

TEST(RegoTest, AFailingFunctionLeavesTheExpressionUndefined) {
  const RegoPolicy policy = compile("package a\n\nallow if to_number(input.x) == 1\n");
  EXPECT_EQ(policy.evaluate("data.a.allow", {{"x", "one"}})->reason, "policy_undefined");
  EXPECT_TRUE(policy.evaluate("data.a.allow", {{"x", "1"}})->allow);
}

TEST(RegoTest, ConflictingRulesAreAnError) {
  const RegoPolicy policy =
      compile("package a\n\nallow := true if input.x\n\nallow := false if input.y\n");
  const auto answer = policy.evaluate("data.a.allow", {{"x", true}, {"y", true}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, kPolicyError);
}

TEST(RegoTest, ListsItsTests) {
  EXPECT_THAT(compile(kPolicy, shop_data()).tests(), ElementsAre("data.shop.test_allowed"));
}

TEST(RegoTest, OneEvaluationLeavesNothingToTheNext) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(policy.evaluate("data.shop.allow", asks(round))->allow, round == 7 || round == 8);
  }
}

TEST(RegoTest, ManyThreadsAskOnePolicy) {
  const RegoPolicy policy = compile(kPolicy, shop_data());
  std::vector<std::thread> threads;
  for (int uid = 0; uid < 8; ++uid) {
    threads.emplace_back([&policy, uid] {
      for (int round = 0; round < 20; ++round) {
        const auto answer = policy.evaluate("data.shop.allow", asks(uid));
        EXPECT_TRUE(answer && answer->allow == (uid == 7));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Each would take hours or more memory than there is.
struct Bomb {
  const char* name;
  std::string text;
  std::string_view reason;
};
void PrintTo(const Bomb& bomb, std::ostream* out) { *out << bomb.name; }

constexpr const char* kDigits = "digits := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n\n";

// a0 := [first, first], a1 := [a0, a0], ...: small in memory, endless to walk.
std::string doubling(const std::string& name, int levels) {
  std::string out = name + "0 := [\"x\", \"x\"]\n\n";
  for (int i = 1; i <= levels; ++i) {
    const std::string below = name + std::to_string(i - 1);
    out += name;
    out += std::to_string(i) + " := [" + below + ", " + below + "]\n\n";
  }
  return out;
}

class RegoBombTest : public testing::TestWithParam<Bomb> {};

TEST_P(RegoBombTest, IsStopped) {
  const Bomb& bomb = GetParam();
  const RegoPolicy policy = compile("package a\n\n" + bomb.text);
  const auto answer = policy.evaluate("data.a.allow", {{"many", 1'000'000'000}});
  ASSERT_FALSE(answer);
  if (!bomb.reason.empty()) EXPECT_EQ(answer.error().reason, bomb.reason) << answer.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    All, RegoBombTest,
    testing::Values(
        Bomb{"loops",
             std::string(kDigits) +
                 "allow if {\n\tsome a in digits\n\tsome b in digits\n\tsome c in digits\n"
                 "\tsome d in digits\n\tsome e in digits\n\tsome f in digits\n"
                 "\tsome g in digits\n\tsome h in digits\n\tsome i in digits\n"
                 "\ta + b + c + d + e + f + g + h + i < 0\n}\n",
             kPolicyTimeout},
        Bomb{"comprehensions",
             std::string(kDigits) +
                 "allow if {\n\tx := {[a, b, c, d, e, f, g] | some a in digits; some b in digits; "
                 "some c in digits;\n\t\tsome d in digits; some e in digits; some f in digits; "
                 "some g "
                 "in digits}\n\tcount(x) == 0\n}\n",
             ""},
        Bomb{"not_of_a_bomb",
             std::string(kDigits) +
                 "long(x) if {\n\tsome a in digits\n\tsome b in digits\n\tsome c in digits\n"
                 "\tsome d in digits\n\tsome e in digits\n\tsome f in digits\n\tsome g in digits\n"
                 "\tsome h in digits\n\ta + b + c + d + e + f + g + h < x\n}\n\n"
                 "allow if not long(0)\n",
             kPolicyTimeout},
        Bomb{"range", "allow if count(numbers.range(1, input.many)) == 0\n", ""},
        Bomb{"shift", "allow if bits.lsh(1, input.many) == 0\n", ""},
        Bomb{"width", "allow if sprintf(\"%1000000000d\", [1]) == \"\"\n", ""},
        Bomb{"replacements",
             "allow if {\n\ta := concat(\"\", [\"x\" | some _ in numbers.range(1, 10000)])\n"
             "\tb := replace(a, \"x\", a)\n\tc := replace(b, \"x\", a)\n\tc == \"\"\n}\n",
             kPolicyMemory},
        Bomb{"comparison", doubling("a", 40) + doubling("b", 40) + "allow if a40 == b40\n",
             kPolicyTimeout},
        Bomb{"text_of_shared_values", doubling("a", 40) + "allow if json.marshal(a40) == \"\"\n",
             ""},
        Bomb{"answer_of_shared_values", doubling("a", 40) + "allow := a40\n", kPolicyMemory}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(RegoTest, APolicyStoppedByForceTooOftenAnswersNothingMore) {
  const RegoPolicy policy =
      compile("package a\n\n" + doubling("a", 40) + doubling("b", 40) +
                  "allow if input.good\n\nallow if {\n\tnot input.good\n\ta40 == b40\n}\n",
              {}, {.time = std::chrono::milliseconds(20)});
  const json::value good{{"good", true}};
  EXPECT_TRUE(policy.evaluate("data.a.allow", good)->allow);
  for (int i = 0; i < RegoPolicy::kMaxStopped; ++i) {
    EXPECT_EQ(policy.evaluate("data.a.allow", json::object{}).error().reason, kPolicyTimeout);
  }
  EXPECT_EQ(policy.evaluate("data.a.allow", good).error().reason, kPolicyStopped);
}

TEST(RegoTest, RefusesTextsOverTheLimits) {
  const std::string comment(RegoPolicy::kMaxModuleSize, '#');
  EXPECT_EQ(refusal("package a\n" + comment).reason, kPolicyTooLarge);
  std::vector<RegoModule> many;
  for (std::size_t i = 0; i <= RegoPolicy::kMaxModules; ++i) {
    many.push_back({std::to_string(i), "package a\n"});
  }
  EXPECT_EQ(RegoPolicy::compile(many).error().reason, kPolicyTooLarge);
  const RegoPolicy policy = compile(kPolicy, shop_data());
  const std::string long_text(RegoPolicy::kMaxInputSize, 'x');
  EXPECT_EQ(policy.evaluate("data.shop.allow", {{"x", long_text}}).error().reason, kPolicyTooLarge);
}

TEST(RegoTest, RefusesNoModulesAndTwoOfOneName) {
  EXPECT_FALSE(RegoPolicy::compile({}));
  EXPECT_FALSE(RegoPolicy::compile({{"a", "package a\n"}, {"a", "package b\n"}}));
}

// The parser tries each bracket twice, as a comprehension and as a list: 2^30 attempts.
TEST(RegoTest, ATextThatIsTooMuchForTheParserIsRefused) {
  const std::string nested = std::string(30, '[') + std::string(30, ']');
  EXPECT_EQ(refusal("package a\n\nx := " + nested + "\n").code, Errc::denied);
}

TEST(RegoTest, AVeryLongSumIsAnsweredOrRefused) {
  std::string sum = "1";
  for (int i = 0; i < 50'000; ++i) sum += i % 100 == 0 ? " +\n1" : "+1";
  const auto policy = RegoPolicy::compile({{"a", "package a\n\nx := " + sum + "\n"}});
  if (!policy) return;
  const auto results = policy->query("data.a.x", nullptr);
  if (results) EXPECT_EQ(results->at(0).at("expressions").at(0).at("value"), 50'001);
}

TEST(RegoTest, ReasonsAreBoundedAndPrintable) {
  const RegoPolicy policy = compile(
      "package a\n\nallow := false\n\nreasons contains sprintf(\"%02d\\u0007\", [i]) if some i in "
      "numbers.range(0, 40)\n");
  const auto answer = policy.evaluate("data.a.allow", nullptr);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->reasons.size(), 16U);
  EXPECT_THAT(answer->reasons.front(), testing::Not(HasSubstr("\a")));
}

TEST(RegoTest, TheDigestNamesModulesTextsAndData) {
  const auto digest = [](std::vector<RegoModule> modules, json::object data = {}) {
    return RegoPolicy::compile(std::move(modules), std::move(data))->digest();
  };
  const RegoModule a{"a.rego", "package a\n"};
  const RegoModule b{"b.rego", "package b\n"};
  const auto base = digest({a, b});
  EXPECT_EQ(base, digest({b, a}));
  EXPECT_NE(base, digest({a}));
  EXPECT_NE(base, digest({{"a.rego", "package a \n"}, b}));
  EXPECT_NE(base, digest({{"c.rego", "package a\n"}, b}));
  EXPECT_NE(base, digest({a, b}, {{"config", 1}}));
  EXPECT_EQ(digest({a}, {{"x", 1}, {"y", 2}}), digest({a}, {{"y", 2}, {"x", 1}}));
}

TEST(RegoTest, AQueryGivesEveryBinding) {
  const RegoPolicy policy = compile("package a\n\np := [1, 2]\n");
  const auto results = policy.query("x = data.a.p[_]", nullptr);
  ASSERT_TRUE(results) << results.error().detail;
  ASSERT_EQ(results->size(), 2U);
  EXPECT_EQ((*results)[1].at("bindings").at("x"), 2);
}

TEST(RegoTest, ABadQueryIsAnError) {
  const RegoPolicy policy = compile("package a\n\np := 1\n");
  EXPECT_EQ(policy.query("data.a.p ==", nullptr).error().reason, kPolicyError);
}

TEST(ReloadablePolicyTest, TakesAGoodVersionAndKeepsTheOldOneInsteadOfABrokenOne) {
  ReloadablePolicy policy(compile("package a\n\nallow := true\n"));
  const auto held = policy.current();
  const Status broken = policy.reload({{"a.rego", "package a\n\nallow := \n"}});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().reason, kPolicySyntax);
  EXPECT_TRUE(policy.current()->evaluate("data.a.allow", nullptr)->allow);
  ASSERT_TRUE(policy.reload({{"a.rego", "package a\n\nallow := false\n"}}));
  EXPECT_FALSE(policy.current()->evaluate("data.a.allow", nullptr)->allow);
  EXPECT_TRUE(held->evaluate("data.a.allow", nullptr)->allow);
}

}  // namespace
}  // namespace cofferdam::policy
