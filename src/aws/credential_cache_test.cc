// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_cache.h"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "net/testing.h"

namespace cofferdam::aws {
namespace {

using namespace std::chrono_literals;

// What the scripted issuer does next, and how often it was asked.
struct Script {
  const ManualClock& clock;
  std::chrono::milliseconds life{1h};
  std::chrono::milliseconds takes{0};
  bool fails = false;
  int asked = 0;
};

class Scripted final : public CredentialProvider {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  std::string_view name() const override { return "the script"; }
  Task<IssuedCredentials> fetch() override {
    ++script_.asked;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, script_.takes);
    co_await timer.async_wait(boost::asio::use_awaitable);
    if (script_.fails) co_return fail(Errc::unavailable, "out of order");
    IssuedCredentials out;
    out.credentials.access_key_id = "A" + std::to_string(script_.asked);
    out.credentials.secret_access_key = Secret::copy_of(as_bytes("secret"));
    out.expires = script_.clock.now() + script_.life;
    co_return out;
  }

 private:
  Script& script_;
};

class CredentialCacheTest : public ::testing::Test {
 protected:
  CredentialCacheTest()
      : cache_(std::make_shared<CredentialCache>(io_.get_executor(),
                                                 std::make_unique<Scripted>(script_), clock_)) {}

  std::string get() {
    const auto got = net::testing::run(io_, cache_->get());
    const std::string id = got ? (*got)->credentials.access_key_id : "!" + got.error().detail;
    io_.restart();
    io_.run();  // A refresh in the background ends.
    return id;
  }
  void pass(std::chrono::milliseconds time) { clock_.set(clock_.now() + time); }

  ManualClock clock_{parse_rfc3339("2026-01-02T03:04:05Z").value()};
  Script script_{.clock = clock_};
  boost::asio::io_context io_{1};
  std::shared_ptr<CredentialCache> cache_;
};

TEST_F(CredentialCacheTest, AsksOnceWhileTheyAreFresh) {
  EXPECT_EQ(get(), "A1");
  pass(49min);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(script_.asked, 1);
}

TEST_F(CredentialCacheTest, RefreshesBeforeTheyExpireAndServesTheOldMeanwhile) {
  EXPECT_EQ(get(), "A1");
  pass(53min);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(get(), "A2");
  EXPECT_EQ(script_.asked, 2);
}

TEST_F(CredentialCacheTest, ServesWhatIsStillValidWhenARefreshFails) {
  EXPECT_EQ(get(), "A1");
  script_.fails = true;
  pass(55min);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(script_.asked, 2);  // The next try has to wait.
  pass(20s);
  EXPECT_EQ(get(), "A1");
  EXPECT_EQ(script_.asked, 3);
}

TEST_F(CredentialCacheTest, NothingThatHasExpiredIsServed) {
  EXPECT_EQ(get(), "A1");
  script_.fails = true;
  pass(1h);
  EXPECT_EQ(get(), "!the script: out of order");
  script_.fails = false;
  pass(15s);
  EXPECT_EQ(get(), "A3");
}

TEST_F(CredentialCacheTest, CredentialsThatCameExpiredAreNotServed) {
  script_.life = 10s;
  EXPECT_EQ(get(), "!the script gave expired credentials");
}

Task<std::string> get_twice(std::shared_ptr<CredentialCache> cache) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = cache->get();
  auto second = cache->get();
  const auto [a, b] = co_await (std::move(first) && std::move(second));
  co_return (a ? (*a)->credentials.access_key_id : "!") +
      (b ? (*b)->credentials.access_key_id : "!");
}

TEST_F(CredentialCacheTest, ThoseWhoComeTogetherShareOneRefresh) {
  script_.takes = 5ms;
  EXPECT_EQ(net::testing::run(io_, get_twice(cache_)).value(), "A1A1");
  EXPECT_EQ(script_.asked, 1);
}

Task<std::string> get_and_stop(std::shared_ptr<CredentialCache> cache) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto asking = cache->get();
  auto stopping = cache->stop();
  const auto [got, stopped] = co_await (std::move(asking) && std::move(stopping));
  co_return got ? (*got)->credentials.access_key_id : "!" + got.error().detail;
}

TEST_F(CredentialCacheTest, StopCutsOffARefreshAndTellsThoseWhoWait) {
  script_.takes = 1h;
  EXPECT_EQ(net::testing::run(io_, get_and_stop(cache_)).value(),
            "!the script: the refresh was cut off");
}

TEST_F(CredentialCacheTest, StopLeavesWhatIsValid) {
  EXPECT_EQ(get(), "A1");
  EXPECT_TRUE(net::testing::run(io_, cache_->stop()).has_value());
  EXPECT_EQ(get(), "A1");
}

}  // namespace
}  // namespace cofferdam::aws
