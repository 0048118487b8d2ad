// SPDX-License-Identifier: Apache-2.0
#include "channel/request.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "channel/messages.h"
#include "channel/proxy_header.h"
#include "channel/replay_guard.h"

namespace cofferdam::channel {
namespace {

using std::chrono::milliseconds;

net::Headers good_headers() {
  return {{"x-cofferdam-request-id", "0123456789abcdef"},
          {"X-Cofferdam-Deadline", "1772366400000"},
          {"X-Cofferdam-Client", "billing"},
          {"X-Cofferdam-Mac", std::string(96, 'a')}};
}

bool accepts(std::size_t index, std::string value) {
  net::Headers headers = good_headers();
  headers[index].second = std::move(value);
  return parse_claim(headers).has_value();
}

TEST(RequestClaimTest, ReadsWhatStampWrites) {
  net::HttpRequest request;
  request.headers = {{"X-COFFERDAM-CLIENT", "somebody-else"}, {"Accept", "*/*"}};
  const RequestClaim claim = parse_claim(good_headers()).value();
  stamp(request, claim);
  EXPECT_EQ(request.headers.size(), 5U);
  const RequestClaim again = parse_claim(request.headers).value();
  EXPECT_EQ(again.id, claim.id);
  EXPECT_EQ(again.deadline, claim.deadline);
  EXPECT_EQ(again.client, "billing");
  EXPECT_EQ(again.mac, claim.mac);
}

TEST(RequestClaimTest, RefusesIdsThatCannotStandInALedger) {
  EXPECT_TRUE(accepts(0, std::string(64, 'x')));
  EXPECT_FALSE(accepts(0, std::string(65, 'x')));
  EXPECT_FALSE(accepts(0, "0123456789abcde"));
  EXPECT_FALSE(accepts(0, "0123456789 abcdef"));
  EXPECT_FALSE(accepts(0, "0123456789abcde\x7f"));
}

TEST(RequestClaimTest, RefusesDeadlinesInAnyOtherSpelling) {
  for (const char* text : {"", "0", "-5", "+1772366400000", "01772366400000", "1772366400000 ",
                           "1.7e12", "1772366400000000", "0x19c"}) {
    EXPECT_FALSE(accepts(1, text)) << text;
  }
}

TEST(RequestClaimTest, RefusesMacsOfAnotherFormAndBadClients) {
  EXPECT_FALSE(accepts(3, std::string(96, 'A')));
  EXPECT_FALSE(accepts(3, std::string(94, 'a')));
  EXPECT_FALSE(accepts(3, ""));
  EXPECT_FALSE(accepts(2, ""));
  EXPECT_FALSE(accepts(2, "Billing"));
  EXPECT_FALSE(accepts(2, std::string(65, 'a')));
}

TEST(RequestClaimTest, RefusesAHeaderThatComesTwice) {
  for (const auto& header : good_headers()) {
    net::Headers twice = good_headers();
    twice.push_back(header);
    EXPECT_FALSE(parse_claim(twice)) << header.first;
  }
}

TEST(RequestClaimTest, NeedsAnIdAndADeadline) {
  for (const std::ptrdiff_t missing : {0, 1}) {
    net::Headers headers = good_headers();
    headers.erase(headers.begin() + missing);
    EXPECT_FALSE(parse_claim(headers));
  }
}

// The bytes of docs/channel.md.
TEST(RequestMacTest, CanonicalFormIsAsDocumented) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/v1/transfer?dry=1";
  request.body = to_bytes("{}");
  RequestClaim claim = parse_claim(good_headers()).value();
  net::TlsExporter exporter{};
  exporter.fill(0x11);
  EXPECT_EQ(to_hex(canonical_request(request, claim, exporter)),
            "8874636f6666657264616d2f726571756573742f763164504f5354722f76312f7472616e736665723f64"
            "72793d315830d2a23bc783e3aa38f401e13c7488505137c4954a7fd88331f1597c5ff71111dc807c7370"
            "a5b282c6da541c56ede69f3070303132333435363738396162636465661b0000019ca9450a006762696c"
            "6c696e6758201111111111111111111111111111111111111111111111111111111111111111");
}

TEST(RequestMacTest, EveryPartOfTheRequestIsUnderTheMac) {
  const Secret key = Secret::copy_of(Bytes(32, 7));
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/a";
  request.body = to_bytes("body");
  const RequestClaim claim = parse_claim(good_headers()).value();
  const net::TlsExporter exporter{};
  const auto mac = request_mac(key, request, claim, exporter);

  const auto differs = [&](auto change) {
    net::HttpRequest other = request;
    RequestClaim other_claim = claim;
    net::TlsExporter other_exporter = exporter;
    change(other, other_claim, other_exporter);
    return request_mac(key, other, other_claim, other_exporter) != mac;
  };
  EXPECT_TRUE(differs([](auto& r, auto&, auto&) { r.method = "PUT"; }));
  EXPECT_TRUE(differs([](auto& r, auto&, auto&) { r.target = "/b"; }));
  EXPECT_TRUE(differs([](auto& r, auto&, auto&) { r.body.push_back(0); }));
  EXPECT_TRUE(differs([](auto&, auto& c, auto&) { c.id += "0"; }));
  EXPECT_TRUE(differs([](auto&, auto& c, auto&) { c.deadline += milliseconds(1); }));
  EXPECT_TRUE(differs([](auto&, auto& c, auto&) { c.client = "shipping"; }));
  EXPECT_TRUE(differs([](auto&, auto&, auto& e) { e[31] ^= 1; }));
  EXPECT_NE(request_mac(Secret::copy_of(Bytes(32, 8)), request, claim, exporter), mac);
}

TEST(ReplayGuardTest, RemembersAnIdUntilItsDeadline) {
  ReplayGuard guard(8);
  const Timestamp now{milliseconds(1000)};
  EXPECT_TRUE(guard.admit("first", now + milliseconds(10), now));
  const Status again = guard.admit("first", now + milliseconds(10), now + milliseconds(10));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "replayed");
  EXPECT_TRUE(guard.admit("other", now + milliseconds(20), now + milliseconds(11)));
  EXPECT_EQ(guard.size(), 1U);
}

TEST(ReplayGuardTest, RefusesWhenFullAndForgetsNothing) {
  ReplayGuard guard(2);
  const Timestamp now{milliseconds(1000)};
  EXPECT_TRUE(guard.admit("a", now + milliseconds(10), now));
  EXPECT_TRUE(guard.admit("b", now + milliseconds(5), now));
  const Status third = guard.admit("c", now + milliseconds(5), now);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().reason, "too_many_requests");
  EXPECT_FALSE(guard.admit("a", now + milliseconds(10), now));
  EXPECT_TRUE(guard.admit("c", now + milliseconds(9), now + milliseconds(6)));
}

TEST(ChannelMessagesTest, RoundTrip) {
  AttestAnswer answer;
  answer.answer = {.document = Bytes(10, 1), .manifest = Bytes(3, 2)};
  answer.challenge.fill(9);
  const AttestAnswer again = parse_attest_answer(encode_attest_answer(answer)).value();
  EXPECT_EQ(again.answer.document, answer.answer.document);
  EXPECT_EQ(again.answer.manifest, answer.answer.manifest);
  EXPECT_EQ(again.challenge, answer.challenge);
  EXPECT_EQ(parse_challenge(encode_challenge(answer.challenge)).value(), answer.challenge);
  answer.answer.manifest.clear();
  EXPECT_TRUE(parse_presentation(encode_presentation(answer.answer)).value().manifest.empty());
}

TEST(ChannelMessagesTest, RefuseWhatIsNoChallenge) {
  EXPECT_FALSE(parse_challenge(R"({"challenge":"00"})"));
  EXPECT_FALSE(parse_challenge(R"({})"));
  EXPECT_FALSE(parse_challenge(R"([])"));
  EXPECT_FALSE(parse_challenge(encode_challenge({}) + " x"));
  EXPECT_FALSE(parse_presentation(R"({"document":""})"));
  EXPECT_FALSE(parse_presentation(R"({"document":7})"));
  EXPECT_FALSE(parse_presentation(R"({"document":"AAAA","document":"AAAA"})"));
  EXPECT_FALSE(parse_presentation(R"({"document":")" +
                                  to_base64(Bytes(attest::kMaxDocumentSize + 1)) + "\"}"));
}

Bytes proxy_preamble(std::uint8_t command, std::uint8_t family, std::uint8_t size) {
  Bytes out = from_hex("0d0a0d0a000d0a515549540a").value();
  out.insert(out.end(), {command, family, 0, size});
  return out;
}

TEST(ProxyHeaderTest, ReadsTheSourceAddress) {
  const Bytes v4 = from_hex(
                       "cb007107"
                       "7f000001"
                       "1267"
                       "01bb")
                       .value();
  EXPECT_EQ(parse_proxy_header(proxy_preamble(0x21, 0x11, 12), v4).value(), "203.0.113.7:4711");
  Bytes v6(36);
  v6[15] = 1;
  v6[33] = 80;
  EXPECT_EQ(parse_proxy_header(proxy_preamble(0x21, 0x21, 36), v6).value(), "[::1]:80");
  EXPECT_EQ(parse_proxy_header(proxy_preamble(0x20, 0x00, 0), {}).value(), "local");
}

TEST(ProxyHeaderTest, RefusesOtherVersionsCommandsAndShortAddresses) {
  EXPECT_FALSE(proxy_header_rest(proxy_preamble(0x11, 0x11, 12)));
  EXPECT_FALSE(proxy_header_rest(to_bytes("PROXY TCP4 203.0")));
  EXPECT_FALSE(parse_proxy_header(proxy_preamble(0x22, 0x11, 12), Bytes(12)));
  EXPECT_FALSE(parse_proxy_header(proxy_preamble(0x21, 0x11, 11), Bytes(11)));
  EXPECT_FALSE(parse_proxy_header(proxy_preamble(0x21, 0x11, 12), Bytes(13)));
  Bytes large = proxy_preamble(0x21, 0x11, 0);
  large[14] = 0x04;
  large[15] = 0x01;
  EXPECT_FALSE(proxy_header_rest(large));
}

}  // namespace
}  // namespace cofferdam::channel
