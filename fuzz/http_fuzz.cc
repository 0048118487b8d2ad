// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "net/http_codec.h"

namespace {

using namespace cofferdam;

constexpr net::HttpLimits kLimits{.max_header_size = 4096, .max_body_size = 4096};
// Writing may add a Host and a Content-Length.
constexpr net::HttpLimits kLimitsAgain{.max_header_size = 8192, .max_body_size = 4096};

// Offers the input in portions of `step`, keeping what the decoder leaves.
std::optional<net::HttpRequest> decode(ByteView input, std::size_t step,
                                       const net::HttpLimits& limits) {
  net::RequestDecoder decoder(limits);
  std::size_t used = 0;
  for (std::size_t end = 0; end < input.size() && !decoder.done();) {
    end = std::min(input.size(), end + step);
    const auto more = decoder.put(input.subspan(used, end - used));
    if (!more) return std::nullopt;
    used += *more;
  }
  if (!decoder.done()) return std::nullopt;
  return decoder.take();
}

net::Headers without_framing(const net::Headers& headers) {
  net::Headers rest;
  for (const auto& field : headers) {
    constexpr std::array<std::string_view, 4> kFraming{"Connection", "Content-Length", "Keep-Alive",
                                                       "Transfer-Encoding"};
    if (std::ranges::none_of(kFraming, [&](std::string_view name) {
          return equal_ignoring_case(name, field.first);
        })) {
      rest.push_back(field);
    }
  }
  return rest;
}

bool same(const net::HttpRequest& a, const net::HttpRequest& b) {
  return a.method == b.method && a.target == b.target && a.body == b.body &&
         without_framing(a.headers) == without_framing(b.headers);
}

bool has_host(const net::Headers& headers) {
  return std::ranges::any_of(
      headers, [](const auto& field) { return equal_ignoring_case(field.first, "Host"); });
}

void check_request(ByteView input) {
  auto request = decode(input, input.size(), kLimits);
  if (!request) return;
  if (request->body.size() > kLimits.max_body_size) std::abort();
  if (!has_host(request->headers)) request->headers.emplace_back("Host", "added");  // HTTP/1.0
  const auto head = net::encode_head(*request, /*keep_alive=*/true);
  if (!head) std::abort();
  Bytes written = to_bytes(*head);
  written.insert(written.end(), request->body.begin(), request->body.end());
  for (const std::size_t step : {written.size(), std::size_t{7}}) {
    const auto again = decode(written, step, kLimitsAgain);
    if (!again || !same(*request, *again)) std::abort();
  }
}

void check_response(ByteView input) {
  net::ResponseDecoder decoder(kLimits, /*bodyless=*/false);
  if (!decoder.put(input) || !decoder.end_of_stream()) return;
  if (decoder.take().body.size() > kLimits.max_body_size) std::abort();
}

}  // namespace

// What is accepted is written and read again as the same request, in any portions.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_request({data, size});
  check_response({data, size});
  return 0;
}
