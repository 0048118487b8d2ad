// SPDX-License-Identifier: Apache-2.0
#include "net/message_io.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "net/deadline.h"

namespace cofferdam::net {
namespace {

constexpr std::chrono::milliseconds kRefusalWriteTime{2'000};
constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr std::size_t kRoomBehindHead = std::size_t{4} * 1024;

template <class Decoder>
Status decode(InputBuffer& input, Decoder& decoder) {
  COFFERDAM_TRY(const std::size_t used, decoder.put(input.unread()));
  input.consume(used);
  return {};
}

// Reads once more, where the end of the stream is an error.
Task<void> fill_or_fail(Stream& stream, InputBuffer& input) {
  COFFERDAM_CO_TRY(const std::size_t size, co_await input.fill(stream));
  if (size == 0) co_return fail(Errc::unavailable, "the peer closed the connection");
  co_return Status();
}

// Reads and drops what still comes: closing with unread bytes would reset the connection,
// and the answer might be lost with it.
Task<void> discard_input(Stream& stream) {
  COFFERDAM_CO_CHECK(co_await stream.shutdown_write());
  std::array<std::uint8_t, 4096> unused{};
  for (;;) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(unused));
    if (size == 0) co_return Status();
  }
}

}  // namespace

InputBuffer::InputBuffer(const HttpLimits& limits)
    : capacity_(limits.max_header_size + kRoomBehindHead),
      data_(std::make_unique_for_overwrite<std::uint8_t[]>(capacity_)) {}

Task<std::size_t> InputBuffer::fill(Stream& stream) {
  if (begin_ > 0) {
    std::copy(data_.get() + begin_, data_.get() + end_, data_.get());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_) {
    co_return fail(Errc::invalid_input, "header_too_large", "the header is over the size limit");
  }
  const std::span<std::uint8_t> room(data_.get() + end_, capacity_ - end_);
  COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(room));
  end_ += size;
  co_return size;
}

Task<void> read_head(Stream& stream, InputBuffer& input, RequestDecoder& decoder) {
  COFFERDAM_CO_CHECK(decode(input, decoder));
  while (!decoder.head_done()) {
    COFFERDAM_CO_CHECK(co_await fill_or_fail(stream, input));
    COFFERDAM_CO_CHECK(decode(input, decoder));
  }
  co_return Status();
}

Task<void> read_rest(Stream& stream, InputBuffer& input, RequestDecoder& decoder) {
  COFFERDAM_CO_CHECK(decode(input, decoder));
  while (!decoder.done()) {
    COFFERDAM_CO_CHECK(co_await fill_or_fail(stream, input));
    COFFERDAM_CO_CHECK(decode(input, decoder));
  }
  co_return Status();
}

Task<void> read_rest(Stream& stream, InputBuffer& input, ResponseDecoder& decoder) {
  COFFERDAM_CO_CHECK(decode(input, decoder));
  while (!decoder.done()) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await input.fill(stream));
    if (size == 0) co_return decoder.end_of_stream();
    COFFERDAM_CO_CHECK(decode(input, decoder));
  }
  co_return Status();
}

// What to tell a peer whose request could not be read; nothing if it has gone.
std::optional<HttpResponse> answer_to_bad_request(const Error& error) {
  if (error.code == Errc::deadline_exceeded) {
    return error_response(408, "request_timeout", "the request did not arrive in time");
  }
  if (error.code != Errc::invalid_input) return std::nullopt;
  unsigned status = 400;
  if (error.reason == "header_too_large") status = 431;
  if (error.reason == "body_too_large") status = 413;
  return error_response(status, error.reason, error.detail);
}

Task<void> refuse(Stream& stream, HttpResponse response) {
  COFFERDAM_CO_TRY(const std::string head, encode_head(response, /*keep_alive=*/false));
  auto writing = stream.write(as_bytes(head), response.body);
  COFFERDAM_CO_CHECK(co_await with_deadline(kRefusalWriteTime, std::move(writing)));
  auto discarding = discard_input(stream);
  [[maybe_unused]] const auto ended = co_await with_deadline(kLingerTime, std::move(discarding));
  co_return Status();
}

}  // namespace cofferdam::net
