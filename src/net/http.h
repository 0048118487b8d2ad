// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

// HTTP/1.1 messages (RFC 9112) as plain values. The library that parses them (Beast)
// stays in the .cc files of this folder.
namespace cofferdam::net {

// Names compare without regard to case; order and repetition are kept.
using Headers = std::vector<std::pair<std::string, std::string>>;

// The first value under this name, or an empty view.
std::string_view header(const Headers& headers, std::string_view name) noexcept;

struct HttpRequest {
  std::string method;
  std::string target;  // Path and query, as sent.
  Headers headers;
  Bytes body;
  std::string peer;      // Filled in by the server: the sender's address, for logs.
  bool secured = false;  // Likewise: whether it came over TLS.
};

struct HttpResponse {
  unsigned status = 200;
  Headers headers;
  Bytes body;
  // For tests of clients: the server sends only so many bytes of the answer, head included,
  // and then ends the connection. Zero: no answer at all.
  std::optional<std::size_t> cut_after = {};
};

// What a message may cost. A longer one is refused before it is read.
struct HttpLimits {
  std::size_t max_header_size = std::size_t{16} * 1024;
  std::size_t max_body_size = std::size_t{1024} * 1024;
};

HttpResponse text_response(unsigned status, std::string_view content_type, std::string_view body);
HttpResponse json_response(unsigned status, std::string_view json_text);

// {"error": reason, "detail": detail}
HttpResponse error_response(unsigned status, std::string_view reason, std::string_view detail);
// The same for a failure inside a handler: 400, 401, 403, 404, 500, 503 or 504 by its code;
// without a reason of its own, "error" is the code's name.
HttpResponse error_response(const Error& error);

}  // namespace cofferdam::net
