// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <string>

#include "broker/keys.h"
#include "broker/metrics.h"
#include "broker/token_service.h"
#include "net/http.h"
#include "net/task.h"

namespace cofferdam::broker {

// Routes of the broker (docs/identity.md): POST /v1/challenge and /v1/token, the discovery
// document and the keys for verifiers, /healthz. Where the issuer's URL has a path, each route
// is found below it as well.
//
// For the thread of one event loop, which it never blocks: tokens are judged on threads of its
// own, which join when it dies. Borrows the rest.
class HttpService {
 public:
  static constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";
  static constexpr std::string_view kKeysPath = "/.well-known/jwks.json";

  // `tls_only`: what does not come over TLS gets `tls_required`.
  HttpService(TokenService& tokens, const SigningKeys& keys, Metrics& metrics, bool tls_only);

  Task<net::HttpResponse> handle(net::HttpRequest request);
  // /metrics, /healthz and /readyz, for operators.
  Task<net::HttpResponse> handle_metrics(net::HttpRequest request);

 private:
  Task<net::HttpResponse> token(Bytes body);
  net::HttpResponse challenge();
  net::HttpResponse discovery() const;
  net::HttpResponse published() const;

  TokenService& tokens_;
  const SigningKeys& keys_;
  Metrics& metrics_;
  const bool tls_only_;
  const std::string base_path_;
  boost::asio::thread_pool judges_;
};

// The path of an issuer's URL without a slash at its end: "" or "/path".
std::string path_of_issuer(std::string_view issuer);

}  // namespace cofferdam::broker
