// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <vector>

#include "base/secret.h"
#include "net/deadline.h"
#include "net/message_io.h"
#include "net/socket.h"

namespace cofferdam::net {
namespace {

struct Connection {
  HttpClientSession session;
  InputBuffer input;
};

// `stale`: a kept-alive connection that died before the first byte of an answer.
struct Exchange {
  Result<HttpResponse> response;
  bool keep_alive = false;
  bool stale = false;
};

// A body may hold a secret, as answers of the server may; neither outlives its use.
class BodyWiper {
 public:
  explicit BodyWiper(Bytes& body) : body_(body) {}
  BodyWiper(const BodyWiper&) = delete;
  BodyWiper& operator=(const BodyWiper&) = delete;
  ~BodyWiper() { wipe(body_); }

 private:
  Bytes& body_;
};

Task<Stream> open_tunnel(Stream stream, std::string target) {
  HttpRequest request{.method = "CONNECT",
                      .target = target,
                      .headers = {},
                      .body = {},
                      .peer = {},
                      .secured = false};
  request.headers.emplace_back("Host", std::move(target));
  COFFERDAM_CO_TRY(const std::string head, encode_head(request, /*keep_alive=*/true));
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(head)));
  const HttpLimits limits;
  InputBuffer input(limits);
  ResponseDecoder decoder(limits, /*bodyless=*/true);
  COFFERDAM_CO_CHECK(co_await read_rest(stream, input, decoder));
  const unsigned status = decoder.take().status;
  if (status < 200 || status > 299) {
    co_return fail(status >= 500 ? Errc::unavailable : Errc::denied, "tunnel_refused",
                   "the proxy answers " + std::to_string(status) + " to CONNECT " + request.target +
                       (status == 403 ? " (not on its allow list)" : ""));
  }
  if (!input.unread().empty()) {
    co_return fail(Errc::invalid_input, "tunnel_refused",
                   "the proxy sent bytes of its own into the tunnel");
  }
  co_return stream;
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options) : options_(std::move(options)) {}

  const HttpClientOptions& options() const noexcept { return options_; }

  Task<HttpResponse> send(HttpRequest request) {
    const BodyWiper wiper(request.body);
    if (header(request.headers, "Host").empty()) {
      request.headers.insert(request.headers.begin(), {"Host", options_.host});
    }
    while (!idle_.empty()) {
      auto used = std::move(idle_.back());
      idle_.pop_back();
      Exchange exchange = co_await run(*used, request, /*fresh=*/false);
      if (exchange.stale) idle_.clear();  // The server has most likely dropped the others too.
      if (!exchange.stale || !options_.resend) {
        co_return finish(std::move(used), std::move(exchange));
      }
    }
    COFFERDAM_CO_TRY(auto fresh, co_await open());
    Exchange exchange = co_await run(*fresh, request, /*fresh=*/true);
    co_return finish(std::move(fresh), std::move(exchange));
  }

  Task<void> connect() {
    COFFERDAM_CO_TRY(auto fresh, co_await open());
    idle_.push_back(std::move(fresh));
    co_return Status();
  }

 private:
  Task<std::unique_ptr<Connection>> open() {
    auto steps = open_without_deadline();
    auto session = co_await with_deadline(options_.connect_timeout, std::move(steps));
    if (!session && session.error().code == Errc::deadline_exceeded) {
      co_return wrap("cannot connect to " + to_string(options_.endpoint),
                     std::move(session).error());
    }
    if (!session) co_return std::unexpected(std::move(session).error());
    co_return std::make_unique<Connection>(
        Connection{.session = *std::move(session), .input = InputBuffer(options_.limits)});
  }

  Task<HttpClientSession> open_without_deadline() {
    COFFERDAM_CO_TRY(auto stream,
                     co_await net::connect(options_.endpoint, options_.connect_timeout));
    if (options_.tunnel) {
      COFFERDAM_CO_TRY(stream, co_await open_tunnel(std::move(stream), *options_.tunnel));
    }
    if (options_.open_session) co_return co_await options_.open_session(std::move(stream));
    if (options_.tls) {
      COFFERDAM_CO_TRY(stream,
                       co_await tls_connect(std::move(stream), options_.tls, options_.tls_name));
    }
    co_return HttpClientSession{.stream = std::move(stream), .complete = {}};
  }

  boost::asio::awaitable<Exchange> run(Connection& connection, HttpRequest& request, bool fresh) {
    Exchange result;
    const auto head = complete_head(connection, request);
    if (!head) {
      result.response = std::unexpected(head.error());
      co_return result;
    }
    const bool bodyless = request.method == "HEAD" || request.method == "CONNECT";
    ResponseDecoder decoder(options_.limits, bodyless);
    bool answered = false;
    auto steps = exchange(connection, *head, request, decoder, answered);
    const Status status = co_await std::move(steps);
    if (status) {
      result.keep_alive = decoder.keep_alive() && connection.input.unread().empty();
      result.response = decoder.take();
    } else {
      result.stale = !fresh && !answered;
      result.response = wrap("no answer from " + to_string(options_.endpoint), status.error());
    }
    co_return result;
  }

  static Result<std::string> complete_head(const Connection& connection, HttpRequest& request) {
    if (connection.session.complete) COFFERDAM_CHECK(connection.session.complete(request));
    return encode_head(request, /*keep_alive=*/true);
  }

  static Task<void> exchange(Connection& connection, const std::string& head,
                             const HttpRequest& request, ResponseDecoder& decoder, bool& answered) {
    Stream& stream = connection.session.stream;
    COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(head), request.body));
    COFFERDAM_CO_TRY(const std::size_t size, co_await connection.input.fill(stream));
    if (size == 0) co_return fail(Errc::unavailable, "the peer closed the connection");
    answered = true;
    co_return co_await read_rest(stream, connection.input, decoder);
  }

  Result<HttpResponse> finish(std::unique_ptr<Connection> connection, Exchange exchange) {
    if (exchange.keep_alive && idle_.size() < options_.max_idle_connections) {
      idle_.push_back(std::move(connection));
    }
    return std::move(exchange.response);
  }

  HttpClientOptions options_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

HttpClient::HttpClient(HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Task<HttpResponse> HttpClient::send(HttpRequest request) {
  auto work = impl_->send(std::move(request));
  auto response = co_await with_deadline(impl_->options().request_timeout, std::move(work));
  if (!response && response.error().code == Errc::deadline_exceeded) {
    co_return wrap(to_string(impl_->options().endpoint), std::move(response).error());
  }
  co_return response;
}

Task<void> HttpClient::connect() { return impl_->connect(); }

Result<HttpResponse> http_send_blocking(HttpClientOptions options, HttpRequest request) {
  boost::asio::io_context io(1);
  HttpClient client(std::move(options));
  Result<HttpResponse> result = fail(Errc::internal, "the request did not finish");
  boost::asio::co_spawn(io, client.send(std::move(request)),
                        [&](const std::exception_ptr& thrown, Result<HttpResponse> response) {
                          if (thrown) std::rethrow_exception(thrown);
                          result = std::move(response);
                        });
  io.run();
  return result;
}

}  // namespace cofferdam::net
