// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/test_folder.h"
#include "net/deadline.h"
#include "net/http_client.h"
#include "net/socket.h"
#include "net/testing.h"
#include "net/testing_tls.h"
#include "parent/parent.h"

namespace cofferdam::parent {
namespace {

using namespace std::chrono_literals;
using net::testing::Loop;
using net::testing::TestAuthority;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Task<net::HttpResponse> echo(net::HttpRequest request) {
  co_return net::text_response(200, "text/plain", as_text(request.body));
}

std::string destination_of(const net::Endpoint& endpoint) {
  return net::to_string(endpoint).substr(std::string_view("tcp:").size());
}

// A parent on Unix sockets, an HTTP server behind it that speaks TLS too, and a port where
// nobody listens; both are on the allow list.
class EgressTest : public ::testing::Test {
 protected:
  EgressTest() : upstream_(loop_.executor(), server_options(), echo) {
    loop_.call([this] {
      upstream_endpoint_ = upstream_.listen(net::TcpAddress{"127.0.0.1", 0}).value();
      auto closed = net::Listener::open(loop_.executor(), net::TcpAddress{"127.0.0.1", 0}).value();
      dead_ = destination_of(closed.endpoint());
    });
    start_parent();
  }

  ~EgressTest() override {
    stop_parent();
    EXPECT_TRUE(loop_.run(upstream_.drain(0ms)).has_value());
  }

  void start_parent() {
    const std::string upstream = destination_of(upstream_endpoint_);
    auto allowed =
        AllowList::parse({upstream, dead_, "service.test:443=" + upstream,
                          "narrow.test:80=" + upstream + ",connections=1", "nowhere.invalid:80"})
            .value();
    auto service = ControlService::open({}, clock_).value();
    parent_.emplace(loop_.executor(), std::move(allowed), EgressOptions(), std::move(service));
    loop_.call([this] {
      ASSERT_TRUE(parent_->listen_egress(egress_).has_value());
      ASSERT_TRUE(parent_->listen_control(control_).has_value());
    });
  }

  void stop_parent() {
    if (!parent_) return;
    EXPECT_TRUE(loop_.run(parent_->drain(0ms)).has_value());
    loop_.call([this] { parent_.reset(); });
  }

  net::HttpServerOptions server_options() const {
    const auto issued = authority_.issue(TestAuthority::server_spec());
    net::HttpServerOptions options;
    options.tls = net::TlsServerContext::create(issued.chain_pem, issued.key_pem).value();
    return options;
  }

  net::HttpClientOptions through(const std::string& destination) const {
    net::HttpClientOptions options;
    options.endpoint = egress_;
    options.tunnel = destination;
    options.tls = net::TlsClientContext::create(authority_.root_pem(), clock_).value();
    options.tls_name = "service.test";
    options.connect_timeout = 20s;
    return options;
  }

  std::string upstream() const { return destination_of(upstream_endpoint_); }

  // Sends raw bytes to the egress endpoint and returns the answer.
  std::string answer_to(std::string sent) const;

  json::object egress_status() const {
    net::HttpClientOptions options;
    options.endpoint = control_;
    net::HttpRequest request;
    request.method = "GET";
    request.target = "/v1/status";
    const auto response = net::http_send_blocking(options, std::move(request)).value();
    const auto status = parse_json(as_text(response.body), /*max_size=*/4096).value();
    return status.as_object().at("egress").as_object();
  }

  TestAuthority authority_;
  ManualClock clock_{TestAuthority::kNow};
  TestFolder folder_;
  net::Endpoint egress_ = net::UnixAddress{.path = folder_ / "egress.sock"};
  net::Endpoint control_ = net::UnixAddress{.path = folder_ / "control.sock"};
  Loop loop_;
  net::HttpServer upstream_;
  net::Endpoint upstream_endpoint_;
  std::string dead_;
  std::optional<Parent> parent_;
};

Task<std::string> talk(net::Endpoint endpoint, std::string sent) {
  COFFERDAM_CO_TRY(auto stream, co_await net::connect(endpoint, 20s));
  // A server that refuses us at once may have closed by now.
  const auto written = co_await stream.write(as_bytes(sent));
  if (!written) co_return "";
  const auto ended = co_await stream.shutdown_write();
  if (!ended) co_return "";
  std::string received;
  std::array<std::uint8_t, 4096> room{};
  for (;;) {
    auto reading = stream.read_some(room);
    const auto size = co_await with_deadline(20s, std::move(reading));
    if (!size || *size == 0) co_return received;
    received += as_text(ByteView(room).first(*size));
  }
}

std::string EgressTest::answer_to(std::string sent) const {
  boost::asio::io_context io(1);
  return net::testing::run(io, talk(egress_, std::move(sent))).value();
}

net::HttpRequest post(std::string_view body) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.body = to_bytes(body);
  return request;
}

TEST_F(EgressTest, CarriesTlsToAnAllowedDestination) {
  const auto response = net::http_send_blocking(through(upstream()), post("through"));
  ASSERT_TRUE(response.has_value()) << response.error().detail;
  EXPECT_EQ(as_text(response->body), "through");
  const auto status = egress_status();
  EXPECT_EQ(status.at("accepted"), 1);
  EXPECT_GT(status.at("bytesIn").as_int64(), 0);
  EXPECT_GT(status.at("bytesOut").as_int64(), 0);
}

TEST_F(EgressTest, RefusesOtherDestinations) {
  const auto port = std::to_string(std::get<net::TcpAddress>(upstream_endpoint_).port);
  for (const std::string& target :
       {"localhost:" + port, std::string("127.0.0.1:1"), std::string("169.254.169.254:80")}) {
    const auto response = net::http_send_blocking(through(target), post(""));
    ASSERT_FALSE(response.has_value()) << target;
    EXPECT_EQ(response.error().code, Errc::denied);
    EXPECT_EQ(response.error().reason, "tunnel_refused");
  }
  EXPECT_EQ(egress_status().at("denied"), 3);
  const std::string answer =
      answer_to("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: " + upstream() + "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, HasSubstr(R"({"error":"destination_not_allowed")"));
}

TEST_F(EgressTest, ADeadDestinationFailsOnlyItsOwnConnection) {
  net::testing::Loop client_loop;
  net::HttpClient living(through(upstream()));
  ASSERT_TRUE(client_loop.run(living.send(post("before"))).has_value());
  const auto dead = net::http_send_blocking(through(dead_), post(""));
  ASSERT_FALSE(dead.has_value());
  EXPECT_EQ(dead.error().code, Errc::unavailable);
  EXPECT_THAT(dead.error().detail, HasSubstr("502"));
  EXPECT_EQ(as_text(client_loop.run(living.send(post("after"))).value().body), "after");
  const auto status = egress_status();
  EXPECT_EQ(status.at("failed"), 1);
  EXPECT_EQ(status.at("accepted"), 1);  // The first client kept its tunnel.
  client_loop.call([&] { living = net::HttpClient(through(upstream())); });
}

TEST_F(EgressTest, ANameThatSharesAnAllowedAddressIsRefused) {
  EXPECT_TRUE(net::http_send_blocking(through("service.test:443"), post("")).has_value());
  auto options = through("service.test:443");
  options.tls_name = "127.0.0.1";  // The certificate has it, and no ClientHello can say it.
  EXPECT_FALSE(net::http_send_blocking(options, post("")).has_value());
  options.tls_name = "other.test";
  const auto other = net::http_send_blocking(options, post(""));
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Errc::unavailable) << other.error().detail;
  EXPECT_EQ(egress_status().at("denied"), 2);
}

TEST_F(EgressTest, WhatIsNoTlsDoesNotPassForIt) {
  const std::string answer = answer_to(
      "CONNECT service.test:443 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), std::string("\x15\3\3\0\2\2\x70", 7));
}

TEST_F(EgressTest, ADestinationTakesNoMoreThanItsLimit) {
  net::testing::Loop client_loop;
  auto options = through("narrow.test:80");
  net::HttpClient first(options);
  ASSERT_TRUE(client_loop.run(first.send(post("first"))).has_value());
  EXPECT_THAT(answer_to("CONNECT narrow.test:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
              StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(net::http_send_blocking(through(upstream()), post("elsewhere")).has_value());
  client_loop.call([&] { first = net::HttpClient(options); });
}

TEST_F(EgressTest, AFailedLookupCostsItsOwnConnection) {
  EXPECT_THAT(answer_to("CONNECT nowhere.invalid:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
              StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(net::http_send_blocking(through(upstream()), post("alive")).has_value());
}

TEST_F(EgressTest, AReloadChangesWhatIsAllowedAndKeepsWhatStands) {
  net::testing::Loop client_loop;
  net::HttpClient standing(through(upstream()));
  ASSERT_TRUE(client_loop.run(standing.send(post("before"))).has_value());
  loop_.call([this] { parent_->reload(AllowList::parse({dead_}).value(), {}, {}); });
  EXPECT_EQ(as_text(client_loop.run(standing.send(post("after"))).value().body), "after");
  const auto fresh = net::http_send_blocking(through(upstream()), post(""));
  ASSERT_FALSE(fresh.has_value());
  EXPECT_EQ(fresh.error().reason, "tunnel_refused");
  EXPECT_EQ(egress_status().at("accepted"), 1);
  client_loop.call([&] { standing = net::HttpClient(through(upstream())); });
}

TEST_F(EgressTest, ServesAllowedPeersOnly) {
  AllowedPeers peers;
  ASSERT_TRUE(peers.add("cid:16").has_value());
  loop_.call([&] { parent_->set_peers(peers); });
  EXPECT_EQ(answer_to("CONNECT " + dead_ + " HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  ASSERT_TRUE(peers.add("uid:" + std::to_string(getuid())).has_value());
  loop_.call([&] { parent_->set_peers(peers); });
  EXPECT_THAT(answer_to("CONNECT " + dead_ + " HTTP/1.1\r\nHost: a\r\n\r\n"),
              StartsWith("HTTP/1.1 502 "));
}

TEST_F(EgressTest, TellsOperatorsWhatHappened) {
  ASSERT_TRUE(net::http_send_blocking(through(upstream()), post("through")).has_value());
  net::HttpClientOptions options;
  loop_.call([&] {
    options.endpoint = parent_->listen_metrics(
        net::Listener::open(loop_.executor(), net::TcpAddress{"127.0.0.1", 0}).value());
  });
  const auto ask = [&](std::string target) {
    net::HttpRequest request;
    request.method = "GET";
    request.target = std::move(target);
    return net::http_send_blocking(options, std::move(request)).value();
  };
  EXPECT_THAT(
      std::string(as_text(ask("/metrics").body)),
      HasSubstr("cofferdam_parent_egress_accepted_total{destination=\"" + upstream() + "\"} 1\n"));
  EXPECT_EQ(ask("/healthz").status, 200U);
  EXPECT_EQ(ask("/readyz").status, 200U);
  EXPECT_EQ(ask("/v1/credentials").status, 404U);
}

TEST_F(EgressTest, SpeaksNothingButConnect) {
  EXPECT_THAT(answer_to("GET http://" + upstream() + "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(
      answer_to("CONNECT " + upstream() + " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
      StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to("\x16\x03\x01 garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(EgressTest, PassesOnWhatFollowsTheHeadAtOnce) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly";
  const std::string answer =
      answer_to("CONNECT " + upstream() + " HTTP/1.1\r\nHost: a\r\n\r\n" + request);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK"));
  EXPECT_THAT(answer, HasSubstr("early"));
}

TEST_F(EgressTest, SurvivesEveryTruncation) {
  const std::string request = "CONNECT " + upstream() + " HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(answer_to(request.substr(0, size)), "") << "prefix of " << size;
  }
  EXPECT_TRUE(net::http_send_blocking(through(upstream()), post("alive")).has_value());
}

TEST_F(EgressTest, CarriesManyConnectionsAtATime) {
  constexpr std::size_t kConnections = 200;
  net::testing::Loop client_loop;
  std::vector<net::HttpClient> clients;
  for (std::size_t i = 0; i < kConnections; ++i) clients.emplace_back(through(upstream()));
  for (net::HttpClient& client : clients) {
    ASSERT_TRUE(client_loop.run(client.send(post("one of many"))).has_value());
  }
  EXPECT_EQ(egress_status().at("open"), kConnections);
  client_loop.call([&] { clients.clear(); });
}

TEST_F(EgressTest, AClientOutlivesARestartOfTheParent) {
  net::testing::Loop client_loop;
  net::HttpClient client(through(upstream()));
  ASSERT_TRUE(client_loop.run(client.send(post("before"))).has_value());
  stop_parent();
  const auto vanished = client_loop.run(client.send(post("nobody")));
  ASSERT_FALSE(vanished.has_value());
  EXPECT_EQ(vanished.error().code, Errc::unavailable);
  EXPECT_THAT(vanished.error().detail,
              StartsWith("cannot connect to " + net::to_string(egress_) + ": "));
  EXPECT_EQ(vanished.error().detail.find('\n'), std::string::npos);
  start_parent();
  EXPECT_EQ(as_text(client_loop.run(client.send(post("after"))).value().body), "after");
  client_loop.call([&] { client = net::HttpClient(through(upstream())); });
}

}  // namespace
}  // namespace cofferdam::parent
