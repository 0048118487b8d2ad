// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "net/http_client.h"

namespace cofferdam::net {

// Somewhere to send one HTTP request. The seam at which tests put a peer that lies.
class HttpChannel {
 public:
  virtual ~HttpChannel() = default;
  // Ends within a deadline of its own.
  virtual Task<HttpResponse> send(HttpRequest request) = 0;
};

class ClientChannel final : public HttpChannel {
 public:
  explicit ClientChannel(HttpClientOptions options) : client_(std::move(options)) {}
  Task<HttpResponse> send(HttpRequest request) override { return client_.send(std::move(request)); }

 private:
  HttpClient client_;
};

}  // namespace cofferdam::net
