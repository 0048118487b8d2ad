// SPDX-License-Identifier: Apache-2.0
#include "custody/secrets_manager_anchor.h"

#include <gtest/gtest.h>

#include <map>

#include "custody/test_caller.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::FakeCaller;
using test::refusal;
using test::run;
using test::success;

std::string text(const json::object& body, std::string_view name) {
  return std::string(body.at(name).as_string());
}

// Just enough of Secrets Manager: versions that are written once, and AWSCURRENT.
// tests/epoch_anchor_test.cc has the same cases against the local AWS.
class FakeSecret {
 public:
  Result<aws::JsonAnswer> answer(const std::string& operation, const json::object& body) {
    if (operation == "GetSecretValue") return get(body);
    if (operation == "PutSecretValue") return put(body);
    return move(body);
  }

  std::map<std::string, std::string> versions{{"first", R"({"epoch":0})"}};
  std::string current = "first";

 private:
  aws::JsonAnswer get(const json::object& body) const {
    const auto found =
        versions.find(body.contains("VersionId") ? text(body, "VersionId") : current);
    if (found == versions.end()) return refusal("ResourceNotFoundException");
    return success({{"VersionId", found->first}, {"SecretString", found->second}});
  }
  aws::JsonAnswer put(const json::object& body) {
    const auto [at, added] =
        versions.emplace(text(body, "ClientRequestToken"), text(body, "SecretString"));
    if (!added && at->second != text(body, "SecretString")) {
      return refusal("ResourceExistsException");
    }
    return success();
  }
  aws::JsonAnswer move(const json::object& body) {
    if (text(body, "RemoveFromVersionId") != current) return refusal("InvalidParameterException");
    current = text(body, "MoveToVersionId");
    return success();
  }
};

AnchorPoint point(std::uint64_t epoch, std::string_view state) {
  return {.epoch = epoch, .state = sealed_digest(as_bytes(state))};
}

constexpr std::string_view kEpochOne = "cofferdam-epoch-00000000000000000001";

class SecretsManagerAnchorTest : public testing::Test {
 protected:
  std::uint64_t current() { return run(anchor_.current()).value().epoch; }

  FakeSecret secret_;
  FakeCaller caller_{[this](const std::string& operation, const json::object& body) {
    return secret_.answer(operation, body);
  }};
  SecretsManagerAnchor anchor_{caller_, "arn:secret"};
};

TEST_F(SecretsManagerAnchorTest, AdvancesByAVersionOfItsOwn) {
  EXPECT_EQ(run(anchor_.current()).value(), (AnchorPoint{.epoch = 0, .state = {}}));
  ASSERT_TRUE(run(anchor_.advance(0, point(1, "one"))).has_value());
  EXPECT_EQ(secret_.current, kEpochOne);
  EXPECT_EQ(run(anchor_.current()).value(), point(1, "one"));
  ASSERT_TRUE(run(anchor_.advance(1, point(2, "two"))).has_value());
  EXPECT_EQ(run(anchor_.current()).value(), point(2, "two"));
}

TEST_F(SecretsManagerAnchorTest, OfTwoWritersOfOneEpochTheFirstWins) {
  // The other one makes its version between our look and our write.
  caller_.before = [this](const std::string& operation) {
    if (operation == "PutSecretValue") secret_.versions.emplace(kEpochOne, R"({"epoch":1})");
  };
  EXPECT_REFUSED(run(anchor_.advance(0, point(1, "one"))), Errc::denied, reason::kAnchorMoved);
}

TEST_F(SecretsManagerAnchorTest, AStepThatStoppedHalfWayIsSeenAndFinished) {
  ASSERT_TRUE(run(anchor_.advance(0, point(1, "one"))).has_value());
  secret_.current = "first";  // As if the label had not been moved.
  EXPECT_EQ(current(), 1U);
  ASSERT_TRUE(run(anchor_.advance(0, point(1, "one"))).has_value());
  EXPECT_EQ(secret_.current, kEpochOne);
}

TEST_F(SecretsManagerAnchorTest, ALabelThatSomebodyMovedBackChangesNothing) {
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    ASSERT_TRUE(run(anchor_.advance(epoch - 1, point(epoch, "s"))).has_value());
  }
  secret_.current = kEpochOne;
  EXPECT_EQ(current(), 5U);
  EXPECT_REFUSED(run(anchor_.advance(1, point(2, "forged"))), Errc::denied, reason::kAnchorMoved);
}

TEST_F(SecretsManagerAnchorTest, ASlowWriterDoesNotMoveTheLabelBack) {
  // While our label is on its way, another writer makes the next step.
  bool once = true;
  caller_.before = [this, &once](const std::string& operation) {
    if (operation != "UpdateSecretVersionStage" || !std::exchange(once, false)) return;
    ASSERT_TRUE(run(anchor_.advance(1, point(2, "two"))).has_value());
  };
  EXPECT_TRUE(run(anchor_.advance(0, point(1, "one"))).has_value());
  EXPECT_EQ(secret_.current, "cofferdam-epoch-00000000000000000002");
}

TEST_F(SecretsManagerAnchorTest, ALabelThatCannotBeMovedIsAFailure) {
  FakeCaller no_labels([this](const std::string& operation, const json::object& body) {
    if (operation != "UpdateSecretVersionStage") return secret_.answer(operation, body);
    return Result<aws::JsonAnswer>(refusal("AccessDeniedException"));
  });
  SecretsManagerAnchor anchor(no_labels, "arn:secret");
  EXPECT_REFUSED(run(anchor.advance(0, point(1, "one"))), Errc::denied, reason::kAnchorDenied);
}

TEST_F(SecretsManagerAnchorTest, RefusesToStepFromWhereItIsNot) {
  ASSERT_TRUE(run(anchor_.advance(0, point(1, "one"))).has_value());
  EXPECT_REFUSED(run(anchor_.advance(2, point(3, "three"))), Errc::denied, reason::kAnchorMoved);
  EXPECT_REFUSED(run(anchor_.advance(0, point(1, "other"))), Errc::denied, reason::kAnchorMoved);
  EXPECT_EQ(run(anchor_.advance(1, point(3, "three"))).error().code, Errc::invalid_input);
}

TEST_F(SecretsManagerAnchorTest, ALabelFarBehindIsNotFollowedForEver) {
  for (int epoch = 1; epoch <= 200; ++epoch) {
    const std::string digits = std::to_string(epoch);
    secret_.versions.emplace("cofferdam-epoch-" + std::string(20 - digits.size(), '0') + digits,
                             R"({"epoch":)" + digits + "}");
  }
  EXPECT_REFUSED(run(anchor_.current()), Errc::denied, reason::kAnchorMoved);
  EXPECT_LT(caller_.operations.size(), 140U);
}

TEST_F(SecretsManagerAnchorTest, AnAbsentSecretIsNotEpochZero) {
  secret_.versions.clear();
  EXPECT_REFUSED(run(anchor_.current()), Errc::not_found, reason::kAnchorMissing);
  EXPECT_REFUSED(run(anchor_.advance(0, point(1, "one"))), Errc::not_found, reason::kAnchorMissing);
}

TEST_F(SecretsManagerAnchorTest, RefusesAValueThatIsNoAnchor) {
  for (const std::string value :
       {"", "7", "{}", R"({"epoch":-1})", R"({"epoch":"1"})", R"({"epoch":1,"epoch":2})",
        R"({"epoch":9007199254740992})", R"({"epoch":1,"state":"00"})"}) {
    secret_.versions["first"] = value;
    EXPECT_REFUSED(run(anchor_.current()), Errc::invalid_input, reason::kAnchorMalformed);
  }
}

TEST_F(SecretsManagerAnchorTest, AVersionThatSaysAnotherEpochIsMalformed) {
  secret_.versions.emplace(kEpochOne, R"({"epoch":2})");
  EXPECT_REFUSED(run(anchor_.current()), Errc::invalid_input, reason::kAnchorMalformed);
}

TEST_F(SecretsManagerAnchorTest, AnOutageIsToldFromARefusal) {
  FakeCaller down([](const std::string&, const json::object&) {
    return Result<aws::JsonAnswer>(fail(Errc::unavailable, "down"));
  });
  SecretsManagerAnchor anchor(down, "arn:secret");
  EXPECT_REFUSED(run(anchor.current()), Errc::unavailable, reason::kAnchorUnavailable);
}

}  // namespace
}  // namespace cofferdam::custody
