// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "net/http_codec.h"
#include "net/stream.h"

// For the HTTP ends of this folder and the parent's proxy: decoders fed from a stream.
namespace cofferdam::net {

// Bytes that have arrived and that no decoder has taken yet. Of fixed size: a little more
// than the largest head.
class InputBuffer {
 public:
  explicit InputBuffer(const HttpLimits& limits);

  ByteView unread() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) noexcept { begin_ += size; }

  // Reads once. Zero at the end of the stream. No deadline of its own. When there is no
  // room left, Errc::invalid_input reason "header_too_large".
  Task<std::size_t> fill(Stream& stream);

 private:
  std::size_t capacity_;
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Reads until the head is complete, and perhaps further. The end of the stream is
// Errc::unavailable.
Task<void> read_head(Stream& stream, InputBuffer& input, RequestDecoder& decoder);

// Reads until the message is complete.
Task<void> read_rest(Stream& stream, InputBuffer& input, RequestDecoder& decoder);
Task<void> read_rest(Stream& stream, InputBuffer& input, ResponseDecoder& decoder);

// What to tell a peer whose request could not be read: 400, 408, 413 or 431. Nothing if
// the peer has gone.
std::optional<HttpResponse> answer_to_bad_request(const Error& error);

// Sends a last answer and ends the connection in such a way that the peer can read it.
// Within a few seconds, whatever the peer does.
Task<void> refuse(Stream& stream, HttpResponse response);

}  // namespace cofferdam::net
