// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "aws/json_client.h"
#include "base/child.h"
#include "cloud/secrets_test_support.h"
#include "custody/binding.h"
#include "custody/dynamodb_anchor.h"
#include "custody/secrets_manager_anchor.h"
#include "net/testing.h"

// Both anchors in AWS keep one contract, here with services that do not know them: the local
// Secrets Manager, and Amazon's DynamoDB Local where COFFERDAM_DYNAMODB_LOCAL names the folder
// with its jars (docs/interop.md).
namespace cofferdam::custody {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRegion = "us-east-1";

AnchorPoint point(std::uint64_t epoch, std::string_view state) {
  return {.epoch = epoch, .state = sealed_digest(as_bytes(state))};
}

template <class T>
Result<T> run(Task<T> task) {
  boost::asio::io_context loop(1);
  return net::testing::run(loop, std::move(task));
}

// Somewhere that anchors live.
class Home {
 public:
  virtual ~Home() = default;
  // Makes an anchor of epoch 0, as its operator would.
  virtual void create(const std::string& name) = 0;
  // One enclave's way to it.
  virtual std::unique_ptr<EpochAnchor> open(const std::string& name) = 0;
};

class LocalSecretsManager final : public Home {
 public:
  void create(const std::string& name) override { cloud_.create(name, R"({"epoch":0})"); }

  std::unique_ptr<EpochAnchor> open(const std::string& name) override {
    return std::make_unique<SecretsManagerAnchor>(client_, name);
  }

 private:
  class Channel final : public net::HttpChannel {
   public:
    explicit Channel(cloud::test::SecretsCloud& cloud) : cloud_(cloud) {}
    Task<net::HttpResponse> send(net::HttpRequest request) override {
      co_return cloud_.handle(request);
    }

   private:
    cloud::test::SecretsCloud& cloud_;
  };

  Task<aws::Credentials> admin() { co_return cloud_.admin(); }

  cloud::test::SecretsCloud cloud_;
  Channel channel_{cloud_};
  aws::JsonClient client_{channel_, cloud_.clock, [this] { return admin(); },
                          aws::secrets_manager_service(std::string(kRegion), "127.0.0.1:4566")};
};

// Amazon's program, in memory, on a port of its own.
class DynamoDbLocal final : public Home {
 public:
  static constexpr const char* kVariable = "COFFERDAM_DYNAMODB_LOCAL";

  explicit DynamoDbLocal(const std::string& jars)
      : port_(free_port()), process_(start(jars, port_, folder_.path() / "errors")) {
    create_table();
  }

  void create(const std::string& name) override {
    const json::object item{{"id", json::object{{"S", name}}}, {"epoch", json::object{{"N", "0"}}}};
    const auto answer = call("PutItem", {{"TableName", "anchors"}, {"Item", item}});
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    ASSERT_EQ(answer->error, "") << answer->message;
  }

  std::unique_ptr<EpochAnchor> open(const std::string& name) override {
    return std::make_unique<DynamoDbAnchor>(
        *client_, DynamoDbAnchor::Place{.table = "anchors", .key = "id", .id = name});
  }

 private:
  static std::uint16_t free_port() {
    namespace ip = boost::asio::ip;
    boost::asio::io_context io;
    const ip::tcp::acceptor held(io, ip::tcp::endpoint(ip::address_v4::loopback(), 0));
    return held.local_endpoint().port();
  }

  static Child start(const std::string& jars, std::uint16_t port,
                     const std::filesystem::path& errors) {
    return Child::start({"/usr/bin/java", "-Xmx128m", "-Djava.library.path=" + jars, "-cp",
                         jars + "/*", "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
                         "-inMemory", "-port", std::to_string(port)},
                        errors)
        .value();
  }

  static Task<aws::Credentials> anyone() {
    co_return aws::Credentials{.access_key_id = "AKIAEXAMPLE",
                               .secret_access_key = Secret::copy_of(as_bytes("secret")),
                               .session_token = {}};
  }

  // Every request has a connection of its own, and every thread may send.
  class Channel final : public net::HttpChannel {
   public:
    explicit Channel(std::uint16_t port) : port_(port) {}
    Task<net::HttpResponse> send(net::HttpRequest request) override {
      net::HttpClientOptions options;
      options.endpoint = net::TcpAddress{.host = "127.0.0.1", .port = port_};
      co_return net::http_send_blocking(std::move(options), std::move(request));
    }

   private:
    std::uint16_t port_;
  };

  Result<aws::JsonAnswer> call(std::string operation, json::object body) {
    return run(client_->call(std::move(operation), std::move(body)));
  }

  void create_table() {
    const json::value table =
        parse_json(R"({"TableName":"anchors","BillingMode":"PAY_PER_REQUEST",)"
                   R"("AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],)"
                   R"("KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})",
                   4096)
            .value();
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    auto answer = call("CreateTable", table.get_object());
    while (!answer && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(100ms);
      answer = call("CreateTable", table.get_object());
    }
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    ASSERT_EQ(answer->error, "") << answer->message;
  }

  TestFolder folder_;
  std::uint16_t port_;
  Child process_;
  Channel channel_{port_};
  SystemClock clock_;
  std::unique_ptr<aws::JsonClient> client_ = std::make_unique<aws::JsonClient>(
      channel_, clock_, [] { return anyone(); },
      aws::dynamodb_service(std::string(kRegion), "127.0.0.1:" + std::to_string(port_)));
};

enum class Where : std::uint8_t { secrets_manager, dynamodb };

class EpochAnchorTest : public testing::TestWithParam<Where> {
 protected:
  // One home for all tests of a service: Java takes a second to start.
  static Home* home(Where where) {
    static std::unique_ptr<Home> homes[2];
    std::unique_ptr<Home>& home = homes[static_cast<std::size_t>(where)];
    if (home) return home.get();
    if (where == Where::secrets_manager) {
      home = std::make_unique<LocalSecretsManager>();
    } else if (const char* jars = std::getenv(DynamoDbLocal::kVariable)) {
      home = std::make_unique<DynamoDbLocal>(jars);
    }
    return home.get();
  }

  void SetUp() override {
    home_ = home(GetParam());
    if (home_ == nullptr) GTEST_SKIP() << DynamoDbLocal::kVariable << " is not set";
    name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ranges::replace(name_, '/', '-');
    home_->create(name_);
    anchor_ = home_->open(name_);
  }

  Home* home_ = nullptr;
  std::string name_;
  std::unique_ptr<EpochAnchor> anchor_;
};

TEST_P(EpochAnchorTest, StartsWhereItsOperatorPutIt) {
  EXPECT_EQ(run(anchor_->current()).value(), (AnchorPoint{.epoch = 0, .state = {}}));
}

TEST_P(EpochAnchorTest, AdvancesStepByStepForAllWhoReadIt) {
  const auto other = home_->open(name_);
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    const AnchorPoint next = point(epoch, std::to_string(epoch));
    const Status moved = run(anchor_->advance(epoch - 1, next));
    ASSERT_TRUE(moved.has_value()) << moved.error().detail;
    EXPECT_EQ(run(other->current()).value(), next);
  }
}

TEST_P(EpochAnchorTest, OfTwoStatesForOneEpochTheFirstWins) {
  const auto other = home_->open(name_);
  ASSERT_TRUE(run(anchor_->advance(0, point(1, "one"))).has_value());
  const Status second = run(other->advance(0, point(1, "another")));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().reason, reason::kAnchorMoved) << second.error().detail;
  EXPECT_EQ(run(other->current()).value(), point(1, "one"));
}

TEST_P(EpochAnchorTest, AStepMayBeRepeated) {
  ASSERT_TRUE(run(anchor_->advance(0, point(1, "one"))).has_value());
  EXPECT_TRUE(run(anchor_->advance(0, point(1, "one"))).has_value());
  EXPECT_EQ(run(anchor_->current()).value(), point(1, "one"));
}

TEST_P(EpochAnchorTest, RefusesToStepFromAnEpochThatHasPassed) {
  ASSERT_TRUE(run(anchor_->advance(0, point(1, "one"))).has_value());
  ASSERT_TRUE(run(anchor_->advance(1, point(2, "two"))).has_value());
  const Status old = run(anchor_->advance(0, point(1, "rollback")));
  ASSERT_FALSE(old.has_value());
  EXPECT_EQ(old.error().reason, reason::kAnchorMoved);
  EXPECT_EQ(run(anchor_->current()).value(), point(2, "two"));
}

TEST_P(EpochAnchorTest, AnAnchorThatIsNotThereIsNotEpochZero) {
  const auto absent = home_->open("absent");
  EXPECT_EQ(run(absent->current()).error().reason, reason::kAnchorMissing);
  EXPECT_EQ(run(absent->advance(0, point(1, "one"))).error().reason, reason::kAnchorMissing);
}

INSTANTIATE_TEST_SUITE_P(InAws, EpochAnchorTest,
                         testing::Values(Where::secrets_manager, Where::dynamodb),
                         [](const auto& info) {
                           return info.param == Where::dynamodb ? "DynamoDbLocal"
                                                                : "LocalSecretsManager";
                         });

// Eight enclaves race for each epoch: Amazon's service lets one of them have it.
TEST(EpochAnchorRaceTest, EachEpochHasOneWinnerInDynamoDb) {
  const char* jars = std::getenv(DynamoDbLocal::kVariable);
  if (jars == nullptr) GTEST_SKIP() << DynamoDbLocal::kVariable << " is not set";
  DynamoDbLocal home(jars);
  home.create("race");
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    std::atomic<int> winners = 0;
    std::vector<std::jthread> enclaves;
    for (int i = 0; i < 8; ++i) {
      enclaves.emplace_back([&home, &winners, epoch, i] {
        const auto anchor = home.open("race");
        if (run(anchor->advance(epoch - 1, point(epoch, std::to_string(i))))) ++winners;
      });
    }
    enclaves.clear();
    EXPECT_EQ(winners, 1) << epoch;
  }
}

}  // namespace
}  // namespace cofferdam::custody
