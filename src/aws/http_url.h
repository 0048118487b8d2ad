// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace cofferdam::aws {

// A URL of an AWS endpoint as the SDKs' variables hold them: "http[s]://HOST[:PORT][/PATH]".
struct HttpUrl {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  std::string target = "/";  // Path and query.
};

// Errc::invalid_input; the text is not repeated, since some carry credentials by mistake.
Result<HttpUrl> parse_http_url(std::string_view text);

// Errc::invalid_input if the URL wants TLS and there is nobody to believe.
Result<net::HttpClientOptions> client_options(const HttpUrl& url,
                                              std::shared_ptr<const net::TlsClientContext> tls);

}  // namespace cofferdam::aws
