// SPDX-License-Identifier: Apache-2.0
#include "net/http_codec.h"

#include <gtest/gtest.h>

namespace cofferdam::net {
namespace {

constexpr std::string_view kPost =
    "POST /v1/things?x=1 HTTP/1.1\r\nHost: example\r\nX-Name: value\r\nContent-Length: "
    "5\r\n\r\nhello";

// Offers the bytes in portions of `step`, as a stream would.
Result<HttpRequest> decode(std::string_view text, std::size_t step, HttpLimits limits = {}) {
  RequestDecoder decoder(limits);
  std::size_t used = 0;
  for (std::size_t end = 0; end < text.size() && !decoder.done();) {
    end = std::min(text.size(), end + step);
    COFFERDAM_TRY(const std::size_t more, decoder.put(as_bytes(text.substr(used, end - used))));
    used += more;
  }
  if (!decoder.done()) return fail(Errc::unavailable, "incomplete");
  return decoder.take();
}

Result<HttpRequest> decode(std::string_view text) { return decode(text, text.size()); }

std::string_view reason_of(std::string_view text, HttpLimits limits = {}) {
  const auto request = decode(text, text.size(), limits);
  return request ? "accepted" : request.error().reason;
}

TEST(HttpCodecTest, ReadsARequestInPortionsOfEverySize) {
  for (std::size_t step = 1; step <= kPost.size(); ++step) {
    const auto request = decode(kPost, step);
    ASSERT_TRUE(request.has_value()) << "portions of " << step;
    EXPECT_EQ(request->method, "POST");
    EXPECT_EQ(request->target, "/v1/things?x=1");
    EXPECT_EQ(header(request->headers, "x-NAME"), "value");
    EXPECT_EQ(as_text(request->body), "hello");
  }
}

TEST(HttpCodecTest, LeavesTheNextRequestAlone) {
  const std::string two = std::string(kPost) + "GET / HTTP/1.1\r\n";
  RequestDecoder decoder(HttpLimits{});
  EXPECT_EQ(decoder.put(as_bytes(two)).value(), kPost.size());
  EXPECT_TRUE(decoder.done());
  EXPECT_TRUE(decoder.keep_alive());
}

TEST(HttpCodecTest, EveryProperPrefixIsIncomplete) {
  for (std::size_t size = 0; size < kPost.size(); ++size) {
    const auto request = decode(kPost.substr(0, size));
    ASSERT_FALSE(request.has_value()) << "prefix of " << size;
    EXPECT_EQ(request.error().code, Errc::unavailable) << "prefix of " << size;
  }
}

TEST(HttpCodecTest, EverySingleByteChangeIsReadOrRefused) {
  for (std::size_t at = 0; at < kPost.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      std::string changed(kPost);
      changed[at] = static_cast<char>(value);
      const auto request = decode(changed);
      if (!request) continue;
      EXPECT_LE(request->body.size(), 5U) << "byte " << at << " set to " << value;
    }
  }
}

TEST(HttpCodecTest, ReadsChunksAndDropsTrailerFields) {
  const auto request = decode(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: forged\r\n\r\n");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(as_text(request->body), "abcde");
  EXPECT_EQ(header(request->headers, "Authorization"), "");
}

TEST(HttpCodecTest, RefusesWhatTwoReadersMightFrameDifferently) {
  for (const std::string_view text :
       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02\x00\x01\r\n\r\n"}) {
    EXPECT_EQ(reason_of(text), "malformed_request") << text;
  }
}

TEST(HttpCodecTest, HoldsTheLimits) {
  const HttpLimits limits{.max_header_size = 256, .max_body_size = 10};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(reason_of(head + "Content-Length: 10\r\n\r\n0123456789", limits), "accepted");
  EXPECT_EQ(reason_of(head + "Content-Length: 11\r\n\r\n", limits), "body_too_large");
  EXPECT_EQ(reason_of(head + "Content-Length: 18446744073709551615\r\n\r\n", limits),
            "body_too_large");
  EXPECT_EQ(
      reason_of(head + "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n", limits),
      "body_too_large");
  EXPECT_EQ(reason_of(head + "X: " + std::string(256, 'x') + "\r\n\r\n", limits),
            "header_too_large");
}

TEST(HttpCodecTest, KnowsWhenTheClientWaitsForContinue) {
  RequestDecoder decoder(HttpLimits{});
  const std::string_view head =
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
  ASSERT_TRUE(decoder.put(as_bytes(head)).has_value());
  EXPECT_TRUE(decoder.head_done());
  EXPECT_TRUE(decoder.expects_continue());
  EXPECT_FALSE(decoder.done());
}

TEST(HttpCodecTest, ReadsAnAnswerAfterAnInterimOne) {
  ResponseDecoder decoder(HttpLimits{}, /*bodyless=*/false);
  const std::string_view text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  EXPECT_EQ(decoder.put(as_bytes(text)).value(), text.size());
  ASSERT_TRUE(decoder.done());
  EXPECT_TRUE(decoder.keep_alive());
  const HttpResponse response = decoder.take();
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(as_text(response.body), "ok");
}

TEST(HttpCodecTest, ABodyWithoutLengthEndsWithTheStream) {
  ResponseDecoder decoder(HttpLimits{}, /*bodyless=*/false);
  ASSERT_TRUE(decoder.put(as_bytes("HTTP/1.0 200 OK\r\n\r\nuntil the end")).has_value());
  EXPECT_FALSE(decoder.done());
  EXPECT_TRUE(decoder.end_of_stream().has_value());
  EXPECT_EQ(as_text(decoder.take().body), "until the end");
}

TEST(HttpCodecTest, AnAnswerCutShortIsRefused) {
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (std::size_t size = 0; size < kAnswer.size(); ++size) {
    ResponseDecoder decoder(HttpLimits{}, /*bodyless=*/false);
    ASSERT_TRUE(decoder.put(as_bytes(kAnswer.substr(0, size))).has_value());
    EXPECT_FALSE(decoder.end_of_stream().has_value()) << "prefix of " << size;
  }
}

TEST(HttpCodecTest, WritesWhatItReads) {
  const auto request = decode(kPost).value();
  const std::string head = encode_head(request, /*keep_alive=*/true).value();
  const auto again = decode(head + "hello");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->method, request.method);
  EXPECT_EQ(again->target, request.target);
  EXPECT_EQ(again->headers, request.headers);
  EXPECT_EQ(again->body, request.body);
}

TEST(HttpCodecTest, DoesNotLetAFieldBreakOutOfItsLine) {
  HttpRequest request = decode(kPost).value();
  request.headers.emplace_back("X", "a\r\nInjected: yes");
  EXPECT_FALSE(encode_head(request, /*keep_alive=*/true).has_value());
  request.headers.back() = {"X\r\nInjected", "yes"};
  EXPECT_FALSE(encode_head(request, /*keep_alive=*/true).has_value());
  request.headers.pop_back();
  request.target = "/a HTTP/1.1\r\nInjected: yes";
  EXPECT_FALSE(encode_head(request, /*keep_alive=*/true).has_value());
}

TEST(HttpCodecTest, ANoContentAnswerHasNoLength) {
  HttpResponse response;
  response.status = 204;
  EXPECT_EQ(encode_head(response, /*keep_alive=*/true).value(), "HTTP/1.1 204 No Content\r\n\r\n");
}

}  // namespace
}  // namespace cofferdam::net
