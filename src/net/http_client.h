// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/endpoint.h"
#include "net/http.h"
#include "net/task.h"
#include "net/tls.h"

namespace cofferdam::net {

// A connection made ready for HTTP, and what completes each request before it goes out on
// it; that may be empty.
struct HttpClientSession {
  Stream stream;
  std::function<Status(HttpRequest&)> complete;
};

// How to reach one HTTP/1.1 server.
struct HttpClientOptions {
  Endpoint endpoint;  // The server itself, or the egress proxy when `tunnel` is set.

  // "HOST:PORT": ask the endpoint for a tunnel there first (HTTP CONNECT).
  std::optional<std::string> tunnel;

  // Set: speak TLS with whoever holds a certificate for `tls_name` (a host name or an IP
  // address).
  std::shared_ptr<const TlsClientContext> tls;
  std::string tls_name;

  // Set: opens a session on each new connection, in place of `tls`.
  std::function<Task<HttpClientSession>(Stream)> open_session;

  std::string host = "localhost";                     // Host header, where the request brings none.
  HttpLimits limits;                                  // Of an answer.
  std::chrono::milliseconds connect_timeout{5'000};   // Including tunnel and TLS handshake.
  std::chrono::milliseconds request_timeout{30'000};  // The whole of send().
  std::size_t max_idle_connections = 8;

  // Off for requests that must reach a server at most once: a kept-alive connection that
  // turns out dead then fails with Errc::unavailable instead.
  bool resend = true;
};

// Sends requests to one server and keeps connections alive between them. Bodies of
// requests are wiped once sent.
//
// Each send() has a connection of its own; idle ones are used again. When a used-again
// connection turns out dead before the first byte of the answer, the request is sent
// once more on a new one. Errors: Errc::unavailable, Errc::deadline_exceeded,
// Errc::invalid_input (an answer that is malformed or over the limits),
// Errc::denied reason "tunnel_refused" (the proxy said no), and those of tls_connect().
//
// For one thread and one event loop, that of its first send(). It must outlive its tasks
// and die before the loop.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Any status is a success here. Host, Content-Length and Connection are added where the
  // request lacks them.
  Task<HttpResponse> send(HttpRequest request);

  // Opens a connection ahead of the first request.
  Task<void> connect();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One request on a connection and event loop of its own, for tools and tests.
Result<HttpResponse> http_send_blocking(HttpClientOptions options, HttpRequest request);

}  // namespace cofferdam::net
