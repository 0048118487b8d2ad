// SPDX-License-Identifier: Apache-2.0
#include "net/http_codec.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <optional>

#include "base/text.h"

namespace cofferdam::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

std::unexpected<Error> refusal(const error_code& error) {
  if (error == http::error::header_limit) {
    return fail(Errc::invalid_input, "header_too_large", "the header is over the size limit");
  }
  if (error == http::error::body_limit) {
    return fail(Errc::invalid_input, "body_too_large", "the body is over the size limit");
  }
  return fail(Errc::invalid_input, "malformed_request", "not HTTP/1.1: " + error.message());
}

// Feeds Beast's parser. The fields are copied when the head is complete, so that trailer
// fields, which Beast appends to them, cannot pass for fields of the head.
template <bool kIsRequest>
class Decoder {
 public:
  explicit Decoder(const HttpLimits& limits) {
    parser_.header_limit(static_cast<std::uint32_t>(limits.max_header_size));
    parser_.body_limit(limits.max_body_size);
  }

  auto& parser() noexcept { return parser_; }
  const auto& parser() const noexcept { return parser_; }
  bool head_done() const noexcept { return parser_.is_header_done(); }

  Result<std::size_t> put(ByteView input) {
    std::size_t used = 0;
    while (used < input.size() && !parser_.is_done()) {
      COFFERDAM_TRY(const std::size_t more, put_once(input.subspan(used)));
      if (more == 0) break;
      used += more;
    }
    return used;
  }

  Headers take_headers() { return std::move(headers_); }

 private:
  Result<std::size_t> put_once(ByteView input) {
    const bool had_head = head_done();
    error_code error;
    const std::size_t used = parser_.put(boost::asio::buffer(input.data(), input.size()), error);
    if (error && error != http::error::need_more) return refusal(error);
    if (!had_head && head_done()) {
      for (const auto& field : parser_.get()) {
        headers_.emplace_back(std::string(field.name_string()), std::string(field.value()));
      }
      parser_.eager(true);
    }
    return used;
  }

  http::parser<kIsRequest, http::vector_body<std::uint8_t>> parser_;
  Headers headers_;
};

bool is_token_character(char c) noexcept {  // RFC 9110 section 5.6.2
  constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOther.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

bool is_field_value(std::string_view text) noexcept {
  return std::ranges::none_of(text, [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\t') || code == 0x7f;
  });
}

bool is_framing(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 4> kFraming{"Connection", "Content-Length", "Keep-Alive",
                                                     "Transfer-Encoding"};
  return std::ranges::any_of(
      kFraming, [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

Status append_fields(std::string& head, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(Errc::invalid_input, "a header field holds a character that HTTP does not allow");
    }
    if (is_framing(name)) continue;
    head.append(name).append(": ").append(value).append("\r\n");
  }
  return {};
}

void append_length(std::string& head, std::size_t size) {
  head.append("Content-Length: ").append(std::to_string(size)).append("\r\n");
}

void end_head(std::string& head, bool keep_alive) {
  if (!keep_alive) head += "Connection: close\r\n";
  head += "\r\n";
}

}  // namespace

struct RequestDecoder::Impl {
  explicit Impl(const HttpLimits& limits) : decoder(limits) {}

  // RFC 9112 section 3.2: a target of visible ASCII and exactly one Host; and no version
  // that we do not speak.
  Status check_head() const {
    const auto& head = decoder.parser().get();
    if (head.version() != 10 && head.version() != 11) {
      return fail(Errc::invalid_input, "malformed_request", "expected HTTP/1.1 or HTTP/1.0");
    }
    if (!std::ranges::all_of(head.target(), is_visible)) {
      return fail(Errc::invalid_input, "malformed_request", "expected a target in ASCII");
    }
    const std::size_t hosts = head.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && head.version() == 11)) {
      return fail(Errc::invalid_input, "malformed_request", "expected one Host header");
    }
    return {};
  }

  Decoder</*kIsRequest=*/true> decoder;
  bool checked = false;
};

RequestDecoder::RequestDecoder(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestDecoder::RequestDecoder(RequestDecoder&&) noexcept = default;
RequestDecoder& RequestDecoder::operator=(RequestDecoder&&) noexcept = default;
RequestDecoder::~RequestDecoder() = default;

Result<std::size_t> RequestDecoder::put(ByteView input) {
  COFFERDAM_TRY(const std::size_t used, impl_->decoder.put(input));
  if (head_done() && !impl_->checked) {
    COFFERDAM_CHECK(impl_->check_head());
    impl_->checked = true;
  }
  return used;
}

bool RequestDecoder::head_done() const noexcept { return impl_->decoder.head_done(); }
bool RequestDecoder::done() const noexcept { return impl_->decoder.parser().is_done(); }
bool RequestDecoder::keep_alive() const { return impl_->decoder.parser().keep_alive(); }

bool RequestDecoder::expects_continue() const {
  const auto& head = impl_->decoder.parser().get();
  return head.version() == 11 && equal_ignoring_case(head[http::field::expect], "100-continue");
}

HttpRequest RequestDecoder::take() {
  HttpRequest request;
  request.headers = impl_->decoder.take_headers();
  auto message = impl_->decoder.parser().release();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.body = std::move(message.body());
  return request;
}

struct ResponseDecoder::Impl {
  Impl(const HttpLimits& limits_of_each, bool without_body)
      : limits(limits_of_each), bodyless(without_body) {
    restart();
  }

  void restart() {
    decoder.emplace(limits);
    decoder->parser().skip(bodyless);
  }

  bool is_interim() const {  // "100 Continue" and its like come before the answer.
    const auto& parser = decoder->parser();
    return parser.is_done() && parser.get().result_int() < 200;
  }

  HttpLimits limits;
  bool bodyless;
  std::optional<Decoder</*kIsRequest=*/false>> decoder;
};

ResponseDecoder::ResponseDecoder(const HttpLimits& limits, bool bodyless)
    : impl_(std::make_unique<Impl>(limits, bodyless)) {}
ResponseDecoder::ResponseDecoder(ResponseDecoder&&) noexcept = default;
ResponseDecoder& ResponseDecoder::operator=(ResponseDecoder&&) noexcept = default;
ResponseDecoder::~ResponseDecoder() = default;

Result<std::size_t> ResponseDecoder::put(ByteView input) {
  std::size_t used = 0;
  for (;;) {
    COFFERDAM_TRY(const std::size_t more, impl_->decoder->put(input.subspan(used)));
    used += more;
    if (!impl_->is_interim()) return used;
    impl_->restart();
  }
}

Status ResponseDecoder::end_of_stream() {
  error_code error;
  if (impl_->decoder->parser().got_some()) impl_->decoder->parser().put_eof(error);
  if (error || !done()) {
    return fail(Errc::invalid_input, "malformed_response", "the answer ended too early");
  }
  return {};
}

bool ResponseDecoder::done() const noexcept { return impl_->decoder->parser().is_done(); }
bool ResponseDecoder::keep_alive() const { return impl_->decoder->parser().keep_alive(); }

HttpResponse ResponseDecoder::take() {
  HttpResponse response;
  response.headers = impl_->decoder->take_headers();
  auto message = impl_->decoder->parser().release();
  response.status = message.result_int();
  response.body = std::move(message.body());
  return response;
}

Result<std::string> encode_head(const HttpRequest& request, bool keep_alive) {
  if (!is_token(request.method) || request.target.empty() ||
      !std::ranges::all_of(request.target, is_visible)) {
    return fail(Errc::invalid_input, "the method or the target is not fit for an HTTP request");
  }
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  COFFERDAM_CHECK(append_fields(head, request.headers));
  const bool may_be_silent = request.method == "GET" || request.method == "HEAD" ||
                             request.method == "CONNECT" || request.method == "DELETE";
  if (!request.body.empty() || !may_be_silent) append_length(head, request.body.size());
  end_head(head, keep_alive);
  return head;
}

Result<std::string> encode_head(const HttpResponse& response, bool keep_alive) {
  if (response.status < 100 || response.status > 999) {
    return fail(Errc::invalid_input, "an HTTP status has three digits");
  }
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(reason).append("\r\n");
  COFFERDAM_CHECK(append_fields(head, response.headers));
  if (status_has_body(response.status)) append_length(head, response.body.size());
  end_head(head, keep_alive);
  return head;
}

}  // namespace cofferdam::net
