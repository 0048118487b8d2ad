// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/byte_view.h"
#include "net/http.h"

// Bytes to messages and back (RFC 9112), without I/O. Decoders take the bytes of one
// message in any portions and stop at its end. They refuse what two readers might frame
// differently: Content-Length beside Transfer-Encoding, two Hosts, bare line feeds.
// Trailer fields are dropped. Errors are Errc::invalid_input with the reason
// "malformed_request", "header_too_large" or "body_too_large".
namespace cofferdam::net {

class RequestDecoder {
 public:
  explicit RequestDecoder(const HttpLimits& limits);
  RequestDecoder(RequestDecoder&&) noexcept;
  RequestDecoder& operator=(RequestDecoder&&) noexcept;
  ~RequestDecoder();

  // Takes what it can use from the front and returns how many bytes that was. Zero: it
  // needs more than `input` to go on; offer the same bytes again with more behind them.
  Result<std::size_t> put(ByteView input);

  bool head_done() const noexcept;
  bool done() const noexcept;
  bool expects_continue() const;  // Once head_done(): "Expect: 100-continue".
  bool keep_alive() const;        // Once head_done().

  // The message, once done().
  HttpRequest take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseDecoder {
 public:
  // `bodyless`: the answer to HEAD or CONNECT, whatever its fields announce.
  ResponseDecoder(const HttpLimits& limits, bool bodyless);
  ResponseDecoder(ResponseDecoder&&) noexcept;
  ResponseDecoder& operator=(ResponseDecoder&&) noexcept;
  ~ResponseDecoder();

  Result<std::size_t> put(ByteView input);

  // The peer has ended: the end of a body without a length, else Errc::invalid_input.
  Status end_of_stream();

  bool done() const noexcept;
  bool keep_alive() const;
  HttpResponse take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The head of a message whose body follows as it is. Content-Length, Transfer-Encoding
// and Connection are written here; the given ones are left out. A field that could break
// out of its line is Errc::invalid_input.
Result<std::string> encode_head(const HttpRequest& request, bool keep_alive);
Result<std::string> encode_head(const HttpResponse& response, bool keep_alive);

// Whether an answer of this status has a body at all.
constexpr bool status_has_body(unsigned status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace cofferdam::net
