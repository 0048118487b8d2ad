// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <algorithm>

#include "base/log.h"
#include "base/secret.h"
#include "net/deadline.h"
#include "net/message_io.h"
#include "net/stream_server.h"
#include "net/tls.h"

namespace cofferdam::net {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::any_io_executor executor, HttpServerOptions options, HttpHandler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        server_(std::move(executor), "http", options_.max_connections,
                [this](Stream stream, std::shared_ptr<ServedConnection> connection) {
                  return serve(shared_from_this(), std::move(stream), std::move(connection));
                }) {
    if (options_.admit) server_.admit(options_.admit);
  }

  StreamServer& server() noexcept { return server_; }

 private:
  using Connection = std::shared_ptr<ServedConnection>;

  static Task<void> serve(std::shared_ptr<Impl> self, Stream stream, Connection connection) {
    bool secured = false;
    HttpHandler handler = self->handler_;
    if (self->options_.open_session) {
      connection->set_idle(true);
      auto opening = self->options_.open_session(std::move(stream));
      COFFERDAM_CO_TRY(HttpSession session,
                       co_await with_deadline(self->options_.header_timeout, std::move(opening)));
      stream = std::move(session.stream);
      handler = std::move(session.handler);
      secured = session.secured;
    } else if (self->options_.tls) {
      connection->set_idle(true);
      auto detection = starts_with_tls(stream);
      COFFERDAM_CO_TRY(secured,
                       co_await with_deadline(self->options_.header_timeout, std::move(detection)));
      if (secured) {
        auto handshake = tls_accept(std::move(stream), self->options_.tls);
        COFFERDAM_CO_TRY(
            stream, co_await with_deadline(self->options_.header_timeout, std::move(handshake)));
      }
    }
    InputBuffer input(self->options_.limits);
    const std::string peer = stream.peer();
    bool open = true;
    while (open && !connection->stopping()) {
      if (input.unread().empty()) {
        connection->set_idle(true);
        connection->set_deadline(self->options_.idle_timeout);
        COFFERDAM_CO_TRY(const std::size_t size, co_await input.fill(stream));
        connection->lift_deadline();
        if (size == 0) break;
        connection->set_idle(false);
      }
      COFFERDAM_CO_TRY(open,
                       co_await exchange(self, stream, input, peer, secured, connection, handler));
    }
    co_return Status();
  }

  // One request and its answer. False: the connection ends here.
  static Task<bool> exchange(std::shared_ptr<Impl> self, Stream& stream, InputBuffer& input,
                             std::string peer, bool secured, Connection connection,
                             const HttpHandler& handler) {
    RequestDecoder decoder(self->options_.limits);
    auto read = co_await read_request(self, stream, input, decoder, connection);
    if (!read) {
      auto answer = answer_to_bad_request(read.error());
      if (!answer) co_return std::unexpected(std::move(read).error());
      COFFERDAM_CO_CHECK(co_await refuse(stream, *std::move(answer)));
      co_return false;
    }
    const bool wants_more = decoder.keep_alive();
    HttpRequest request = decoder.take();
    request.peer = std::move(peer);
    request.secured = secured;
    const bool head_only = request.method == "HEAD";
    HttpResponse response = co_await answer(handler, std::move(request));
    const bool keep_alive = wants_more && !connection->stopping() && !response.cut_after;
    const Status sent = co_await self->send(stream, response, keep_alive, head_only, connection);
    wipe(response.body);
    if (!sent) co_return std::unexpected(sent.error());
    co_return keep_alive;
  }

  // Most requests have arrived whole with the first read; only others need deadlines.
  static Task<void> read_request(std::shared_ptr<Impl> self, Stream& stream, InputBuffer& input,
                                 RequestDecoder& decoder, Connection connection) {
    COFFERDAM_CO_TRY(const std::size_t used, decoder.put(input.unread()));
    input.consume(used);
    if (!decoder.head_done()) {
      auto head = read_head(stream, input, decoder);
      COFFERDAM_CO_CHECK(co_await with_deadline(self->options_.header_timeout, std::move(head)));
    }
    if (decoder.done()) co_return Status();
    if (decoder.expects_continue()) {
      COFFERDAM_CO_CHECK(co_await self->write(stream, as_bytes(kContinue), {}, connection));
    }
    auto rest = read_rest(stream, input, decoder);
    co_return co_await with_deadline(self->options_.body_timeout, std::move(rest));
  }

  static boost::asio::awaitable<HttpResponse> answer(const HttpHandler& handler,
                                                     HttpRequest request) {
    auto response = co_await handler(std::move(request));
    if (!response) co_return error_response(response.error());
    co_return *std::move(response);
  }

  Task<void> send(Stream& stream, const HttpResponse& response, bool keep_alive, bool head_only,
                  Connection connection) {
    auto head = encode_head(response, keep_alive);
    if (!head) {
      log::error("http: an answer could not be written: " + head.error().detail);
      co_return std::unexpected(std::move(head).error());
    }
    const bool bare = head_only || !status_has_body(response.status);
    const ByteView body = bare ? ByteView() : ByteView(response.body);
    if (response.cut_after)
      co_return co_await write_cut(stream, *head, body, *response.cut_after, connection);
    co_return co_await write(stream, as_bytes(*head), body, connection);
  }

  Task<void> write_cut(Stream& stream, std::string_view head, ByteView body, std::size_t size,
                       Connection connection) {
    if (size == 0) co_return Status();
    const std::size_t of_body = size > head.size() ? size - head.size() : 0;
    co_return co_await write(stream, as_bytes(head.substr(0, size)),
                             body.first(std::min(of_body, body.size())), connection);
  }

  Task<void> write(Stream& stream, ByteView head, ByteView body, Connection connection) {
    connection->set_deadline(options_.write_timeout);
    COFFERDAM_CO_CHECK(co_await stream.write(head, body));
    connection->lift_deadline();
    co_return Status();
  }

  HttpServerOptions options_;
  HttpHandler handler_;
  StreamServer server_;
};

HttpServer::HttpServer(boost::asio::any_io_executor executor, HttpServerOptions options,
                       HttpHandler handler)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(); }

Result<Endpoint> HttpServer::listen(const Endpoint& endpoint) {
  return impl_->server().listen(endpoint);
}

Endpoint HttpServer::listen(Listener listener) {
  return impl_->server().listen(std::move(listener));
}

void HttpServer::stop() { impl_->server().stop(); }

Task<void> HttpServer::drain(std::chrono::milliseconds grace) {
  return impl_->server().drain(grace);
}

std::size_t HttpServer::open_connections() const noexcept {
  return impl_->server().open_connections();
}

}  // namespace cofferdam::net
