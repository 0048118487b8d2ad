// SPDX-License-Identifier: Apache-2.0
#include "custody/dynamodb_anchor.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <optional>

#include "custody/anchor_support.h"
#include "custody/test_caller.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::FakeCaller;
using test::refusal;
using test::run;
using test::success;

const AnchorPoint kSix{.epoch = 6, .state = sealed_digest(as_bytes("six"))};
const AnchorPoint kOther{.epoch = 6, .state = sealed_digest(as_bytes("other"))};

json::object item_of(const AnchorPoint& point) {
  json::object out{{"id", json::object{{"S", "counters"}}},
                   {"epoch", json::object{{"N", std::to_string(point.epoch)}}}};
  if (point.state) out["state"] = json::object{{"S", to_hex(*point.state)}};
  return out;
}

aws::JsonAnswer condition_failed(std::optional<AnchorPoint> found) {
  aws::JsonAnswer out = refusal("ConditionalCheckFailedException");
  if (found) out.body["Item"] = item_of(*found);
  return out;
}

// An anchor whose service gives one answer to everything.
class DynamoDbAnchorTest : public testing::Test {
 protected:
  Result<AnchorPoint> current(Result<aws::JsonAnswer> answer) {
    answer_ = std::move(answer);
    return run(anchor_.current());
  }
  Status advance(Result<aws::JsonAnswer> answer) {
    answer_ = std::move(answer);
    return run(anchor_.advance(5, kSix));
  }

  Result<aws::JsonAnswer> answer_;
  FakeCaller caller_{[this](const std::string&, const json::object&) { return answer_; }};
  DynamoDbAnchor anchor_{caller_, {.table = "anchors", .key = "id", .id = "counters"}};
};

TEST_F(DynamoDbAnchorTest, ReadsConsistently) {
  EXPECT_EQ(current(success({{"Item", item_of(kSix)}})).value(), kSix);
  EXPECT_EQ(caller_.operations, std::vector<std::string>{"GetItem"});
  EXPECT_EQ(json::serialize(caller_.bodies.at(0)),
            R"({"TableName":"anchors","Key":{"id":{"S":"counters"}},"ConsistentRead":true})");
}

TEST_F(DynamoDbAnchorTest, ANewAnchorHasNoStateYet) {
  const AnchorPoint start{.epoch = 0, .state = {}};
  EXPECT_EQ(current(success({{"Item", item_of(start)}})).value(), start);
}

TEST_F(DynamoDbAnchorTest, AnAbsentItemIsNotEpochZero) {
  EXPECT_REFUSED(current(success()), Errc::not_found, reason::kAnchorMissing);
  EXPECT_REFUSED(advance(condition_failed(std::nullopt)), Errc::not_found, reason::kAnchorMissing);
}

TEST_F(DynamoDbAnchorTest, RefusesAnItemThatIsNoAnchor) {
  for (const std::string_view item :
       {R"({})", R"({"epoch":7})", R"({"epoch":{"S":"7"}})", R"({"epoch":{"N":"-1"}})",
        R"({"epoch":{"N":"7.5"}})", R"({"epoch":{"N":""}})",
        R"({"epoch":{"N":"9007199254740992"}})", R"({"epoch":{"N":"7","S":"8"}})",
        R"({"epoch":{"N":"7"},"state":{"S":"00"}})", R"({"epoch":{"N":"7"},"state":{"N":"7"}})"}) {
    json::object body{{"Item", parse_json(item, 1024).value()}};
    EXPECT_REFUSED(current(success(std::move(body))), Errc::invalid_input,
                   reason::kAnchorMalformed);
  }
}

TEST_F(DynamoDbAnchorTest, AdvancesOnTheConditionThatNobodyElseDid) {
  EXPECT_TRUE(advance(success()).has_value());
  EXPECT_EQ(caller_.operations, std::vector<std::string>{"PutItem"});
  EXPECT_EQ(json::serialize(caller_.bodies.at(0)),
            R"({"TableName":"anchors","Item":{"id":{"S":"counters"},"epoch":{"N":"6"},)"
            R"("state":{"S":")" +
                to_hex(*kSix.state) +
                R"("}},"ConditionExpression":"#epoch = :from",)"
                R"("ExpressionAttributeNames":{"#epoch":"epoch"},)"
                R"("ExpressionAttributeValues":{":from":{"N":"5"}},)"
                R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD"})");
}

TEST_F(DynamoDbAnchorTest, AnotherWriterWins) {
  EXPECT_REFUSED(advance(condition_failed(kOther)), Errc::denied, reason::kAnchorMoved);
  EXPECT_REFUSED(advance(condition_failed(AnchorPoint{.epoch = 9, .state = {}})), Errc::denied,
                 reason::kAnchorMoved);
}

TEST_F(DynamoDbAnchorTest, AStepWhoseAnswerWasLostIsDoneWhenRepeated) {
  EXPECT_TRUE(advance(condition_failed(kSix)).has_value());
}

TEST_F(DynamoDbAnchorTest, TellsOutageFromRefusal) {
  EXPECT_REFUSED(advance(fail(Errc::unavailable, "down")), Errc::unavailable,
                 reason::kAnchorUnavailable);
  EXPECT_REFUSED(advance(refusal("AccessDeniedException")), Errc::denied, reason::kAnchorDenied);
  EXPECT_REFUSED(current(refusal("ResourceNotFoundException")), Errc::not_found,
                 reason::kAnchorMissing);
}

TEST_F(DynamoDbAnchorTest, AsksForNothingWhenTheStepIsWrong) {
  EXPECT_FALSE(run(anchor_.advance(6, kSix)).has_value());
  const AnchorPoint beyond{.epoch = kMaxAnchoredEpoch + 1, .state = {}};
  EXPECT_FALSE(run(anchor_.advance(kMaxAnchoredEpoch, beyond)).has_value());
  EXPECT_TRUE(caller_.operations.empty());
}

}  // namespace
}  // namespace cofferdam::custody
