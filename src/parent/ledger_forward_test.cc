// SPDX-License-Identifier: Apache-2.0
#include "parent/ledger_forward.h"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <fstream>
#include <optional>

#include "aws/http_url.h"
#include "base/test_folder.h"
#include "net/http_server.h"
#include "net/testing.h"
#include "net/testing_tls.h"

namespace cofferdam::parent {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// A receiver and what it took. The forwarder under test runs on the same loop, a piece at a time.
class LedgerForwardTest : public ::testing::Test {
 protected:
  LedgerForwardTest() { start_receiver({}); }
  ~LedgerForwardTest() override { forward_.reset(); }

  void start_receiver(std::shared_ptr<const net::TlsServerContext> tls) {
    net::HttpServerOptions options;
    options.tls = std::move(tls);
    server_.emplace(io_.get_executor(), std::move(options),
                    [this](net::HttpRequest request) { return take(std::move(request)); });
    at_ = server_->listen(net::TcpAddress{.host = "127.0.0.1", .port = 0}).value();
  }

  Task<net::HttpResponse> take(net::HttpRequest request) {
    net::HttpResponse answer;
    answer.status = status_;
    ++requests_;
    if (status_ == 204) {
      taken_ += as_text(request.body);
      last_ = std::move(request);
    }
    co_return answer;
  }

  ForwardOptions options(const std::string& scheme = "http",
                         std::shared_ptr<const net::TlsClientContext> tls = nullptr) {
    const std::string authority = net::to_string(at_).substr(4);
    const auto url = aws::parse_http_url(scheme + "://" + authority + "/take?it").value();
    ForwardOptions out;
    out.ledger = folder_ / "ledger.jsonl";
    out.receiver = aws::client_options(url, std::move(tls)).value();
    out.target = url.target;
    out.poll = out.first_wait = milliseconds(1);
    out.longest_wait = milliseconds(8);
    return out;
  }

  void start(ForwardOptions options) {
    forward_.emplace(std::move(options));
    asio::co_spawn(io_, forward_->run(), asio::detached);
  }

  void add(std::string_view text) const {
    std::ofstream(folder_ / "ledger.jsonl", std::ios::app) << text;
  }

  template <class Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      io_.restart();
      io_.run_for(milliseconds(2));
    }
    return condition();
  }

  TestFolder folder_;
  asio::io_context io_{1};
  std::optional<net::HttpServer> server_;
  net::Endpoint at_;
  unsigned status_ = 204;
  int requests_ = 0;
  std::string taken_;
  net::HttpRequest last_;
  std::optional<LedgerForward> forward_;
};

TEST_F(LedgerForwardTest, PostsWholeLinesInOrder) {
  add("one\ntwo\nthr");
  start(options());
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 2; }));
  EXPECT_EQ(taken_, "one\ntwo\n");
  EXPECT_EQ(last_.method, "POST");
  EXPECT_EQ(last_.target, "/take?it");
  EXPECT_EQ(net::header(last_.headers, "Content-Type"), "application/x-ndjson");
  EXPECT_TRUE(until([&] { return forward_->counts().lag_bytes == 3; }));
  add("ee\n");
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 3; }));
  EXPECT_EQ(taken_, "one\ntwo\nthree\n");
  EXPECT_EQ(forward_->counts().failures, 0U);
}

TEST_F(LedgerForwardTest, MuchIsSentInPieces) {
  std::string all;
  for (int i = 0; i < 20; ++i) all += std::to_string(i) + std::string(50'000, 'x') + "\n";
  add(all);
  start(options());
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 20; }));
  EXPECT_EQ(taken_, all);
  EXPECT_EQ(requests_, 4);
}

TEST_F(LedgerForwardTest, WhatIsRefusedIsSentUntilItIsTaken) {
  status_ = 503;
  add("one\n");
  start(options());
  ASSERT_TRUE(until([&] { return forward_->counts().failures == 3; }));
  EXPECT_EQ(forward_->counts().entries, 0U);
  EXPECT_EQ(forward_->counts().lag_bytes, 4U);
  status_ = 204;
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 1; }));
  EXPECT_EQ(taken_, "one\n");
  EXPECT_EQ(forward_->counts().lag_bytes, 0U);
}

TEST_F(LedgerForwardTest, ARedirectionIsNoReceipt) {
  status_ = 307;
  add("one\n");
  start(options());
  ASSERT_TRUE(until([&] { return forward_->counts().failures == 2; }));
  EXPECT_EQ(forward_->counts().entries, 0U);
}

TEST_F(LedgerForwardTest, WaitsForAReceiverThatIsDown) {
  const net::Endpoint at = at_;
  const ForwardOptions down = options();
  server_->stop();
  add("one\n");
  start(down);
  ASSERT_TRUE(until([&] { return forward_->counts().failures == 2; }));
  add("two\n");
  server_.emplace(io_.get_executor(), net::HttpServerOptions(),
                  [this](net::HttpRequest request) { return take(std::move(request)); });
  ASSERT_TRUE(server_->listen(at).has_value());
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 2; }));
  EXPECT_EQ(taken_, "one\ntwo\n");
}

TEST_F(LedgerForwardTest, AnotherProcessGoesOn) {
  add("one\n");
  {
    LedgerCursor earlier(folder_ / "ledger.jsonl");
    ASSERT_TRUE(earlier.advance(earlier.next().value()).has_value());
  }
  add("two\n");
  start(options());
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 1; }));
  EXPECT_EQ(taken_, "two\n");
}

TEST_F(LedgerForwardTest, SpeaksTlsWithWhomItWasToldToBelieve) {
  const net::testing::TestAuthority authority;
  const ManualClock clock{net::testing::TestAuthority::kNow};
  const auto server = authority.issue(net::testing::TestAuthority::server_spec());
  start_receiver(net::TlsServerContext::create(server.chain_pem, server.key_pem).value());
  add("one\n");
  start(options("https", net::TlsClientContext::create(authority.root_pem(), clock).value()));
  ASSERT_TRUE(until([&] { return forward_->counts().entries == 1; }));
  EXPECT_TRUE(last_.secured);
}

TEST_F(LedgerForwardTest, GivesNothingToAStranger) {
  const net::testing::TestAuthority authority;
  const net::testing::TestAuthority stranger;
  const ManualClock clock{net::testing::TestAuthority::kNow};
  const auto server = stranger.issue(net::testing::TestAuthority::server_spec());
  start_receiver(net::TlsServerContext::create(server.chain_pem, server.key_pem).value());
  add("one\n");
  start(options("https", net::TlsClientContext::create(authority.root_pem(), clock).value()));
  ASSERT_TRUE(until([&] { return forward_->counts().failures == 2; }));
  EXPECT_EQ(requests_, 0);
}

}  // namespace
}  // namespace cofferdam::parent
