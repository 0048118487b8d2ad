// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "net/endpoint.h"
#include "net/http.h"
#include "net/socket.h"
#include "net/task.h"
#include "net/tls.h"

namespace cofferdam::net {

// Answers one request. It must not block for long: everything else waits. A failing
// Result is answered by error_response(). An exception is a bug: the connection is closed,
// the others go on.
using HttpHandler = std::function<Task<HttpResponse>(HttpRequest)>;

// What an accepted connection has become before HTTP begins: the stream that HTTP is spoken
// on, and who answers what comes over it.
struct HttpSession {
  Stream stream;
  HttpHandler handler;
  bool secured = true;  // HttpRequest::secured of what comes over it.
};

struct HttpServerOptions {
  HttpLimits limits;                                 // Of a request.
  std::chrono::milliseconds idle_timeout{60'000};    // Between requests.
  std::chrono::milliseconds header_timeout{10'000};  // First to last byte; also the TLS handshake.
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::size_t max_connections = 4096;           // Further ones wait in the backlog.
  std::shared_ptr<const TlsServerContext> tls;  // Set: accept TLS beside plain HTTP.
  // Set: opens each connection, in place of `tls` and of the server's own handler. It has
  // `header_timeout` for that.
  std::function<Task<HttpSession>(Stream)> open_session;
  std::function<bool(Stream&)> admit;  // Set: connections for which it is false are closed.
};

// Serves HTTP/1.1 with kept-alive connections on any number of endpoints.
//
// Malformed, oversized and slow requests are answered with 400, 431, 413 or 408 and a
// JSON body {"error": reason, "detail": text}, and end their connection. Bodies of
// answers are wiped once sent.
//
// The executor must run on one thread. What the handler uses must live until drain()
// has returned, or the event loop has been destroyed.
class HttpServer {
 public:
  HttpServer(boost::asio::any_io_executor executor, HttpServerOptions options, HttpHandler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  // Starts accepting; returns the endpoint with the actual port.
  Result<Endpoint> listen(const Endpoint& endpoint);
  Endpoint listen(Listener listener);

  // Stops accepting and closes idle connections; requests under way are still answered.
  // May be called from any thread.
  void stop();

  // stop(), then waits until the last answer is out, or cuts off what takes longer.
  Task<void> drain(std::chrono::milliseconds grace);

  std::size_t open_connections() const noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace cofferdam::net
