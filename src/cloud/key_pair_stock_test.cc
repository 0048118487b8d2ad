// SPDX-License-Identifier: Apache-2.0
#include "cloud/key_pair_stock.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

using crypto::KeyKind;

boost::asio::awaitable<void> prepare_and_take(KeyPairStock& stock, std::vector<Secret>& taken) {
  co_await stock.prepare(KeyKind::rsa_2048);
  auto key = stock.take(KeyKind::rsa_2048);
  EXPECT_TRUE(key.has_value());
  if (key) taken.push_back(*std::move(key));
}

TEST(KeyPairStockTest, EveryRequestGetsAPairOfItsOwn) {
  boost::asio::io_context context(1);
  KeyPairStock stock;
  std::vector<Secret> taken;
  for (int i = 0; i < 3; ++i) {
    boost::asio::co_spawn(context, prepare_and_take(stock, taken), boost::asio::detached);
  }
  context.run();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_FALSE(taken[0] == taken[1]);
  EXPECT_FALSE(taken[1] == taken[2]);
  for (const Secret& key : taken) {
    EXPECT_EQ(crypto::KeyPair::from_pkcs8(key)->kind(), KeyKind::rsa_2048);
  }
}

TEST(KeyPairStockTest, TheEventLoopGoesOnMeanwhile) {
  boost::asio::io_context context(1);
  KeyPairStock stock;
  std::vector<Secret> taken;
  boost::asio::co_spawn(context, prepare_and_take(stock, taken), boost::asio::detached);
  bool ran_before_the_key = false;
  boost::asio::post(context, [&] { ran_before_the_key = taken.empty(); });
  context.run();
  EXPECT_TRUE(ran_before_the_key);
  EXPECT_EQ(taken.size(), 1U);
}

TEST(KeyPairStockTest, WhoDidNotPrepareWaitsForNobody) {
  boost::asio::io_context context(1);
  KeyPairStock stock;
  EXPECT_TRUE(stock.take(KeyKind::p256).has_value());
  EXPECT_TRUE(stock.take(KeyKind::rsa_2048).has_value());
  std::vector<Secret> taken;
  boost::asio::co_spawn(context, prepare_and_take(stock, taken), boost::asio::detached);
  context.poll_one();
  const auto refused = stock.take(KeyKind::rsa_2048);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, api::kThrottling);
  EXPECT_TRUE(stock.take(KeyKind::p256).has_value());
  context.run();
  EXPECT_EQ(taken.size(), 1U);
}

}  // namespace
}  // namespace cofferdam::cloud
