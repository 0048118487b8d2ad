// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <stdexcept>

#include "base/json.h"
#include "base/test_folder.h"
#include "net/deadline.h"
#include "net/http_client.h"
#include "net/socket.h"
#include "net/testing.h"
#include "net/testing_tls.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::Loop;
using ::testing::StartsWith;
using testing::TestAuthority;

constexpr std::size_t kMoreThanBuffersHold = std::size_t{64} * 1024 * 1024;

Task<HttpResponse> echo(HttpRequest request) {
  if (request.target == "/throw") throw std::logic_error("a bug in the handler");
  if (request.target == "/slow") {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 60ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  if (request.target == "/fail") co_return fail(Errc::denied, "test_reason", "no");
  HttpResponse response;
  response.headers.emplace_back("X-Method", request.method);
  response.headers.emplace_back("X-Secured", request.secured ? "yes" : "no");
  response.body = std::move(request.body);
  if (request.target == "/large") response.body.resize(kMoreThanBuffersHold);
  if (request.target == "/drop") response.cut_after = 0;
  if (request.target == "/truncate") response.cut_after = 12;
  co_return response;
}

class Server {
 public:
  explicit Server(HttpServerOptions options = {}, Endpoint endpoint = TcpAddress{"127.0.0.1", 0})
      : server_(loop_.executor(), std::move(options), echo) {
    endpoint_ = loop_.call([&] { return server_.listen(endpoint).value(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { EXPECT_TRUE(loop_.run(server_.drain(0ms)).has_value()); }

  const Endpoint& endpoint() const noexcept { return endpoint_; }
  HttpServer& server() noexcept { return server_; }
  Loop& loop() noexcept { return loop_; }
  std::size_t open_connections() {
    return loop_.call([this] { return server_.open_connections(); });
  }

 private:
  Loop loop_;
  HttpServer server_;
  Endpoint endpoint_;
};

HttpRequest post(std::string target, std::string_view body) {
  HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = to_bytes(body);
  return request;
}

HttpClientOptions client_of(const Endpoint& endpoint) {
  HttpClientOptions options;
  options.endpoint = endpoint;
  options.connect_timeout = 20s;
  return options;
}

Task<std::string> talk(Endpoint endpoint, std::string sent, bool end_after_sending) {
  COFFERDAM_CO_TRY(auto stream, co_await connect(endpoint, 20s));
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(sent)));
  if (end_after_sending) COFFERDAM_CO_CHECK(co_await stream.shutdown_write());
  std::string received;
  std::array<std::uint8_t, 4096> room{};
  for (;;) {
    auto reading = stream.read_some(room);
    const auto size = co_await with_deadline(20s, std::move(reading));
    if (!size || *size == 0) co_return received;
    received += as_text(ByteView(room).first(*size));
  }
}

// Sends raw bytes and returns what comes back until the server ends the connection.
std::string answer_to(const Endpoint& endpoint, std::string sent, bool end_after_sending = false) {
  boost::asio::io_context io(1);
  return testing::run(io, talk(endpoint, std::move(sent), end_after_sending)).value();
}

TEST(HttpServerTest, AnswersOverTcpAndUnix) {
  const TestFolder folder;
  const Endpoint local = UnixAddress{.path = folder / "http.sock"};
  for (const Endpoint& endpoint : {Endpoint(TcpAddress{"127.0.0.1", 0}), local}) {
    const Server server({}, endpoint);
    const auto response = http_send_blocking(client_of(server.endpoint()), post("/", "hello"));
    ASSERT_TRUE(response.has_value()) << response.error().detail;
    EXPECT_EQ(response->status, 200U);
    EXPECT_EQ(header(response->headers, "x-method"), "POST");
    EXPECT_EQ(as_text(response->body), "hello");
  }
}

Task<int> send_many(HttpClient& client, int times) {
  for (int i = 0; i < times; ++i) {
    HttpRequest request = post("/", std::to_string(i));
    COFFERDAM_CO_TRY(const auto response, co_await client.send(std::move(request)));
    if (as_text(response.body) != std::to_string(i)) co_return fail(Errc::internal, "mixed up");
  }
  co_return times;
}

TEST(HttpServerTest, KeepsOneConnectionForManyRequests) {
  Server server;
  boost::asio::io_context io(1);
  HttpClient client(client_of(server.endpoint()));
  EXPECT_EQ(testing::run(io, send_many(client, 100)).value(), 100);
  EXPECT_EQ(server.open_connections(), 1U);
}

TEST(HttpServerTest, AClientSendsAgainWhenTheKeptConnectionHasDied) {
  const TestFolder folder;
  const Endpoint endpoint = UnixAddress{.path = folder / "http.sock"};
  boost::asio::io_context io(1);
  HttpClient client(client_of(endpoint));
  for (int life = 0; life < 3; ++life) {
    const Server server({}, endpoint);
    EXPECT_EQ(testing::run(io, send_many(client, 2)).value(), 2) << "life " << life;
  }
  const auto vanished = testing::run(io, send_many(client, 1));
  ASSERT_FALSE(vanished.has_value());
  EXPECT_EQ(vanished.error().code, Errc::unavailable);
  EXPECT_THAT(vanished.error().detail, StartsWith("cannot connect to unix:"));
  EXPECT_THAT(vanished.error().detail, ::testing::Not(HasSubstr("\n")));
}

TEST(HttpServerTest, AFailureOfTheHandlerBecomesAnAnswer) {
  const Server server;
  const auto response = http_send_blocking(client_of(server.endpoint()), post("/fail", ""));
  EXPECT_EQ(response.value().status, 403U);
  EXPECT_EQ(as_text(response->body), R"({"error":"test_reason","detail":"no"})");
}

TEST(HttpServerTest, AHandlerThatThrowsEndsOnlyItsConnection) {
  const Server server;
  EXPECT_FALSE(http_send_blocking(client_of(server.endpoint()), post("/throw", "")).has_value());
  EXPECT_TRUE(http_send_blocking(client_of(server.endpoint()), post("/", "")).has_value());
}

TEST(HttpServerTest, AnswersHeadWithoutABody) {
  const Server server;
  HttpRequest request = post("/", "12345");
  request.method = "HEAD";
  const auto response = http_send_blocking(client_of(server.endpoint()), std::move(request));
  EXPECT_EQ(header(response.value().headers, "Content-Length"), "5");
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpServerTest, RefusesWhatIsOverItsLimits) {
  HttpServerOptions options;
  options.limits = {.max_header_size = 512, .max_body_size = 64};
  const Server server(options);
  const std::string long_header = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'x');
  EXPECT_THAT(answer_to(server.endpoint(), long_header), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to(server.endpoint(), long_header),
              HasSubstr(R"({"error":"header_too_large")"));
  const std::string long_body =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n" + std::string(65, 'x');
  EXPECT_THAT(answer_to(server.endpoint(), long_body), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to(server.endpoint(), long_body), HasSubstr(R"({"error":"body_too_large")"));
}

TEST(HttpServerTest, ASlowRequestIsEndedByTheDeadline) {
  HttpServerOptions options;
  options.header_timeout = 20ms;
  options.body_timeout = 20ms;
  const Server server(options);
  EXPECT_THAT(answer_to(server.endpoint(), "GET / HTTP/1.1\r\nHos"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(
      answer_to(server.endpoint(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"),
      StartsWith("HTTP/1.1 408 "));
}

TEST(HttpServerTest, AnIdleConnectionIsClosed) {
  HttpServerOptions options;
  options.idle_timeout = 20ms;
  const Server server(options);
  EXPECT_EQ(answer_to(server.endpoint(), ""), "");
}

TEST(HttpServerTest, AHandlerMayTakeLongerThanItsConnectionMayBeIdle) {
  HttpServerOptions options;
  options.idle_timeout = 20ms;
  options.write_timeout = 20ms;
  const Server server(options);
  const std::string request = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_THAT(answer_to(server.endpoint(), request), StartsWith("HTTP/1.1 200 "));
}

// Reads one byte of a large answer and waits until the server has no connection left.
Task<bool> read_no_further(Endpoint endpoint, std::function<std::size_t()> open_connections) {
  COFFERDAM_CO_TRY(auto stream, co_await connect(endpoint, 20s));
  const std::string request = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(request)));
  std::array<std::uint8_t, 1> room{};
  COFFERDAM_CO_CHECK(co_await stream.read_some(room));
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < 2000 && open_connections() != 0; ++i) {
    timer.expires_after(10ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  co_return open_connections() == 0;
}

TEST(HttpServerTest, AClientThatDoesNotReadIsCutOff) {
  HttpServerOptions options;
  options.write_timeout = 20ms;
  Server server(options);
  boost::asio::io_context io(1);
  const auto open = [&server] { return server.open_connections(); };
  EXPECT_TRUE(testing::run(io, read_no_further(server.endpoint(), open)).value());
}

TEST(HttpServerTest, GarbageGetsA400) {
  const Server server;
  EXPECT_THAT(answer_to(server.endpoint(), "\r\n\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(answer_to(server.endpoint(), std::string(64, '\0') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServerTest, SendsContinueToAClientThatWaitsForIt) {
  const Server server;
  const std::string head =
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(answer_to(server.endpoint(), head, true), "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(HttpServerTest, CutsAnAnswerShortWhereTheHandlerSaysSo) {
  const Server server;
  const std::string cut = answer_to(server.endpoint(), "GET /truncate HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(cut, "HTTP/1.1 200");
  EXPECT_EQ(answer_to(server.endpoint(), "GET /drop HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

TEST(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  const Server server;
  const std::string one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
  const std::string answer = answer_to(server.endpoint(), one + "1" + one + "2", true);
  EXPECT_LT(answer.find("\r\n\r\n1"), answer.find("\r\n\r\n2"));
  EXPECT_NE(answer.find("\r\n\r\n2"), std::string::npos);
}

constexpr std::string_view kRequest =
    "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";

TEST(HttpServerTest, SurvivesEveryTruncation) {
  const Server server;
  for (std::size_t size = 0; size < kRequest.size(); ++size) {
    const std::string sent(kRequest.substr(0, size));
    EXPECT_EQ(answer_to(server.endpoint(), sent, true), "") << "prefix of " << size;
  }
  EXPECT_THAT(answer_to(server.endpoint(), std::string(kRequest)), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerTest, SurvivesEverySingleByteChange) {
  const Server server;
  for (std::size_t at = 0; at < kRequest.size(); ++at) {
    for (const int bit : {0x01, 0x04, 0x20, 0x80}) {
      std::string changed(kRequest);
      changed[at] = static_cast<char>(changed[at] ^ bit);
      const std::string answer = answer_to(server.endpoint(), changed, true);
      EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 ")) << "byte " << at;
    }
  }
  EXPECT_THAT(answer_to(server.endpoint(), std::string(kRequest)), StartsWith("HTTP/1.1 200 "));
}

Task<HttpResponse> connect_and_wait(Endpoint endpoint, std::chrono::milliseconds limit) {
  HttpClientOptions options = client_of(endpoint);
  options.request_timeout = limit;
  HttpClient client(options);
  HttpRequest request = post("/", "x");
  co_return co_await client.send(std::move(request));
}

TEST(HttpServerTest, ConnectionsBeyondTheLimitWaitUntilOneEnds) {
  HttpServerOptions options;
  options.max_connections = 1;
  Server server(options);
  boost::asio::io_context io(1);
  auto first = testing::run(io, connect(server.endpoint(), 20s)).value();
  while (server.open_connections() == 0) std::this_thread::yield();
  const auto refused = testing::run(io, connect_and_wait(server.endpoint(), 50ms));
  EXPECT_EQ(refused.error().code, Errc::deadline_exceeded);
  first.close();
  EXPECT_TRUE(testing::run(io, connect_and_wait(server.endpoint(), 20s)).has_value());
}

TEST(HttpServerTest, StopClosesIdleConnectionsAndTheListener) {
  Server server;
  boost::asio::io_context io(1);
  HttpClient client(client_of(server.endpoint()));
  ASSERT_TRUE(testing::run(io, send_many(client, 1)).has_value());
  EXPECT_TRUE(server.loop().run(server.server().drain(20s)).has_value());
  EXPECT_EQ(server.open_connections(), 0U);
  EXPECT_FALSE(testing::run(io, send_many(client, 1)).has_value());
}

TEST(HttpServerTest, AClientToldNotToSendAgainReportsTheDeadConnection) {
  const TestFolder folder;
  const Endpoint endpoint = UnixAddress{.path = folder / "http.sock"};
  boost::asio::io_context io(1);
  HttpClientOptions options = client_of(endpoint);
  options.resend = false;
  HttpClient client(options);
  {
    const Server server({}, endpoint);
    ASSERT_TRUE(testing::run(io, send_many(client, 2)).has_value());
  }
  const Server server({}, endpoint);
  const auto refused = testing::run(io, send_many(client, 1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_EQ(testing::run(io, send_many(client, 1)).value(), 1) << "the next one is on a new one";
}

// A server with a certificate, and clients that trust some authority.
class HttpTlsTest : public ::testing::Test {
 protected:
  HttpServerOptions options_with(const crypto::CertificateSpec& spec) const {
    const auto issued = authority_.issue(spec);
    HttpServerOptions options;
    options.tls = TlsServerContext::create(issued.chain_pem, issued.key_pem).value();
    return options;
  }

  Result<HttpResponse> send(const Server& server, const TestAuthority& trusted,
                            const std::string& name) const {
    HttpClientOptions options = client_of(server.endpoint());
    options.tls = TlsClientContext::create(trusted.root_pem(), clock_).value();
    options.tls_name = name;
    return http_send_blocking(options, post("/", "over tls"));
  }

  void expect_untrusted(const crypto::CertificateSpec& spec, const TestAuthority& trusted,
                        const std::string& name, const std::string& why) const {
    const Server server(options_with(spec));
    const auto response = send(server, trusted, name);
    ASSERT_FALSE(response.has_value());
    EXPECT_EQ(response.error().code, Errc::unauthenticated);
    EXPECT_EQ(response.error().reason, "tls_untrusted");
    EXPECT_THAT(response.error().detail, HasSubstr(why));
  }

  TestAuthority authority_;
  ManualClock clock_{TestAuthority::kNow};
};

TEST_F(HttpTlsTest, PlainAndTlsShareAPort) {
  const Server server(options_with(TestAuthority::server_spec()));
  for (const std::string name : {"service.test", "127.0.0.1"}) {
    const auto secured = send(server, authority_, name);
    ASSERT_TRUE(secured.has_value()) << secured.error().detail;
    EXPECT_EQ(as_text(secured->body), "over tls");
    EXPECT_EQ(header(secured->headers, "x-secured"), "yes");
  }
  const auto plain = http_send_blocking(client_of(server.endpoint()), post("/", "plain"));
  EXPECT_EQ(as_text(plain.value().body), "plain");
  EXPECT_EQ(header(plain->headers, "x-secured"), "no");
}

TEST_F(HttpTlsTest, ALargeBodyPasses) {
  HttpServerOptions server_options = options_with(TestAuthority::server_spec());
  const Server server(server_options);
  HttpClientOptions options = client_of(server.endpoint());
  options.tls = TlsClientContext::create(authority_.root_pem(), clock_).value();
  options.tls_name = "service.test";
  const std::string body(1'000'000, 'b');
  EXPECT_EQ(as_text(http_send_blocking(options, post("/", body)).value().body), body);
}

TEST_F(HttpTlsTest, RefusesAServerOfAnotherAuthority) {
  expect_untrusted(TestAuthority::server_spec(), TestAuthority(), "service.test", "issuer");
}

TEST_F(HttpTlsTest, RefusesAServerOfAnotherName) {
  expect_untrusted(TestAuthority::server_spec(), authority_, "other.test", "Hostname mismatch");
}

TEST_F(HttpTlsTest, RefusesAServerOfAnotherAddress) {
  expect_untrusted(TestAuthority::server_spec(), authority_, "127.0.0.2", "IP address mismatch");
}

TEST_F(HttpTlsTest, RefusesAnExpiredServer) {
  auto spec = TestAuthority::server_spec();
  spec.not_after = TestAuthority::kNow - 1s;
  expect_untrusted(spec, authority_, "service.test", "expired");
}

TEST_F(HttpTlsTest, RefusesAServerThatIsNotValidYet) {
  auto spec = TestAuthority::server_spec();
  spec.not_before = TestAuthority::kNow + 1h;
  expect_untrusted(spec, authority_, "service.test", "not yet valid");
}

TEST_F(HttpTlsTest, APlainServerIsNoTlsServer) {
  const Server server;
  const auto response = send(server, authority_, "service.test");
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, Errc::unavailable);
}

TEST_F(HttpTlsTest, GarbageAfterAHandshakeByteOnlyEndsThatConnection) {
  const Server server(options_with(TestAuthority::server_spec()));
  answer_to(server.endpoint(), "\x16 this is not a ClientHello", true);
  EXPECT_TRUE(send(server, authority_, "service.test").has_value());
}

TEST_F(HttpTlsTest, AContextNeedsRealCertificates) {
  EXPECT_FALSE(TlsClientContext::create("", clock_).has_value());
  const std::string junk = crypto::pem_encode("CERTIFICATE", as_bytes("junk"));
  EXPECT_FALSE(TlsClientContext::create(junk, clock_).has_value());
  const auto one = authority_.issue(TestAuthority::server_spec());
  const auto two = authority_.issue(TestAuthority::server_spec());
  EXPECT_FALSE(TlsServerContext::create(one.chain_pem, two.key_pem).has_value());
  EXPECT_FALSE(TlsServerContext::create(one.chain_pem, Secret()).has_value());
}

}  // namespace
}  // namespace cofferdam::net
