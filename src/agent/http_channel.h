// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/http_client.h"

namespace cofferdam::agent {

// Somewhere to send one HTTP request: the parent's control endpoint, or KMS. The seam at
// which tests put a peer that lies.
class HttpChannel {
 public:
  virtual ~HttpChannel() = default;
  // Ends within a deadline of its own.
  virtual Task<net::HttpResponse> send(net::HttpRequest request) = 0;
};

class ClientChannel final : public HttpChannel {
 public:
  explicit ClientChannel(net::HttpClientOptions options) : client_(std::move(options)) {}
  Task<net::HttpResponse> send(net::HttpRequest request) override {
    return client_.send(std::move(request));
  }

 private:
  net::HttpClient client_;
};

}  // namespace cofferdam::agent
