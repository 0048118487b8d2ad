// SPDX-License-Identifier: Apache-2.0
#include "nsm/protocol.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "bytes/cbor.h"

namespace cofferdam::nsm {
namespace {

Bytes hex(std::string_view text) {
  auto bytes = from_hex(text);
  EXPECT_TRUE(bytes.has_value()) << text;
  return bytes.value_or(Bytes());
}

struct KnownRequest {
  Request message;
  std::string_view bytes;
};

// The left column of the table in formats.md §2.2, and the null forms.
std::vector<KnownRequest> known_requests() {
  return {
      {DescribeNsmRequest{}, "6b44657363726962654e534d"},
      {GetRandomRequest{}, "6947657452616e646f6d"},
      {DescribePcrRequest{.index = 0}, "a16b4465736372696265504352a165696e64657800"},
      {ExtendPcrRequest{.index = 16, .data = to_bytes("abc")},
       "a169457874656e64504352a265696e64657810646461746143616263"},
      {LockPcrRequest{.index = 16}, "a1674c6f636b504352a165696e64657810"},
      {LockPcrsRequest{.range = 20}, "a1684c6f636b50435273a16572616e676514"},
      {AttestationRequest{},
       "a16b4174746573746174696f6ea369757365725f64617461f6656e6f6e6365f66a7075626c69635f6b6579f6"},
      {AttestationRequest{.user_data = Bytes{9, 9}, .nonce = {}, .public_key = Bytes{7}},
       "a16b4174746573746174696f6ea369757365725f64617461420909656e6f6e6365f66a7075626c69635f6b65794"
       "107"},
  };
}

struct KnownResponse {
  Response message;
  std::string_view bytes;
};

std::vector<KnownResponse> known_responses() {
  return {
      {DescribePcrResponse{.lock = true, .data = {0xaa, 0xbb}},
       "a16b4465736372696265504352a2646c6f636bf5646461746142aabb"},
      {ExtendPcrResponse{.data = {1}}, "a169457874656e64504352a164646174614101"},
      {LockPcrResponse{}, "674c6f636b504352"},
      {LockPcrsResponse{}, "684c6f636b50435273"},
      {DescribeNsmResponse{.version_major = 1,
                           .module_id = "i-1234-enc5678",
                           .max_pcrs = 32,
                           .locked_pcrs = {0, 1, 2, 3},
                           .digest = "SHA384"},
       "a16b44657363726962654e534da76d76657273696f6e5f6d616a6f72016d76657273696f6e5f6d696e6f72006d7"
       "6"
       "657273696f6e5f706174636800696d6f64756c655f69646e692d313233342d656e6335363738686d61785f70637"
       "2"
       "7318206b6c6f636b65645f70637273840001020366646967657374665348413338"
       "34"},
      {AttestationResponse{.document = {1, 2, 3}},
       "a16b4174746573746174696f6ea168646f63756d656e7443010203"},
      {GetRandomResponse{.random = {5}}, "a16947657452616e646f6da16672616e646f6d4105"},
      {ErrorResponse{.code = ErrorCode::success}, "a1654572726f726753756363657373"},
      {ErrorResponse{.code = ErrorCode::invalid_argument},
       "a1654572726f726f496e76616c6964417267756d656e74"},
      {ErrorResponse{.code = ErrorCode::invalid_index}, "a1654572726f726c496e76616c6964496e646578"},
      {ErrorResponse{.code = ErrorCode::invalid_response},
       "a1654572726f726f496e76616c6964526573706f6e7365"},
      {ErrorResponse{.code = ErrorCode::read_only_index},
       "a1654572726f726d526561644f6e6c79496e646578"},
      {ErrorResponse{.code = ErrorCode::invalid_operation},
       "a1654572726f7270496e76616c69644f7065726174696f6e"},
      {ErrorResponse{.code = ErrorCode::buffer_too_small},
       "a1654572726f726e427566666572546f6f536d616c6c"},
      {ErrorResponse{.code = ErrorCode::input_too_large},
       "a1654572726f726d496e707574546f6f4c61726765"},
      {ErrorResponse{.code = ErrorCode::internal_error},
       "a1654572726f726d496e7465726e616c4572726f72"},
  };
}

TEST(NsmProtocolTest, RequestsHaveTheBytesOfTheOfficialCrate) {
  for (const KnownRequest& known : known_requests()) {
    EXPECT_EQ(to_hex(encode(known.message)), known.bytes);
  }
}

TEST(NsmProtocolTest, ResponsesHaveTheBytesOfTheOfficialCrate) {
  for (const KnownResponse& known : known_responses()) {
    EXPECT_EQ(to_hex(encode(known.message)), known.bytes);
  }
}

TEST(NsmProtocolTest, EveryMessageSurvivesARoundTrip) {
  for (const KnownRequest& known : known_requests()) {
    const auto decoded = decode_request(hex(known.bytes));
    ASSERT_TRUE(decoded.has_value()) << known.bytes << ": " << decoded.error().detail;
    EXPECT_EQ(decoded->index(), known.message.index());
    EXPECT_EQ(to_hex(encode(*decoded)), known.bytes);
  }
  for (const KnownResponse& known : known_responses()) {
    const auto decoded = decode_response(hex(known.bytes));
    ASSERT_TRUE(decoded.has_value()) << known.bytes << ": " << decoded.error().detail;
    EXPECT_EQ(decoded->index(), known.message.index());
    EXPECT_EQ(to_hex(encode(*decoded)), known.bytes);
  }
}

TEST(NsmProtocolTest, EveryMessageOfTheForeignVectorsDecodesAndEncodesToItsBytes) {
  const char* folder = std::getenv("COFFERDAM_VECTORS");
  const std::filesystem::path path =
      std::filesystem::path(folder != nullptr ? folder : "../shared/vectors") / "nsm/nsm-cbor.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no vectors at " << path;
  const auto text = read_text_file(path, 1 << 20);
  ASSERT_TRUE(text.has_value());
  const auto root = parse_json(*text, 1 << 20);
  ASSERT_TRUE(root.has_value()) << root.error().detail;
  int seen = 0;
  for (const auto& [group, list] : root->as_object()) {
    if (!list.is_array()) continue;
    for (const json::value& entry : list.as_array()) {
      const std::string want(entry.at("hex").as_string());
      const std::string name(entry.at("name").as_string());
      ++seen;
      if (std::string_view(group).starts_with("request")) {
        const auto decoded = decode_request(hex(want));
        ASSERT_TRUE(decoded.has_value()) << name << ": " << decoded.error().detail;
        EXPECT_EQ(to_hex(encode(*decoded)), want) << name;
      } else if (name != "DescribeNSM") {
        const auto decoded = decode_response(hex(want));
        ASSERT_TRUE(decoded.has_value()) << name << ": " << decoded.error().detail;
        EXPECT_EQ(to_hex(encode(*decoded)), want) << name;
      }
    }
  }
  EXPECT_GE(seen, 20);
}

TEST(NsmProtocolTest, EveryProperPrefixIsRefused) {
  for (const KnownRequest& known : known_requests()) {
    const Bytes message = hex(known.bytes);
    for (std::size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(decode_request(ByteView(message).first(size)).has_value());
    }
  }
  for (const KnownResponse& known : known_responses()) {
    const Bytes message = hex(known.bytes);
    for (std::size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(decode_response(ByteView(message).first(size)).has_value());
    }
  }
}

// What one changed byte turns into is either refused or a message of its own, which has
// one encoding.
template <class Decode>
void expect_mutations_to_be_stable(const Bytes& message, Decode decode) {
  for (std::size_t at = 0; at < message.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = message;
      changed[at] = static_cast<std::uint8_t>(value);
      const auto decoded = decode(changed);
      if (!decoded) continue;
      const Bytes canonical = encode(*decoded);
      const auto again = decode(canonical);
      ASSERT_TRUE(again.has_value()) << to_hex(changed);
      EXPECT_EQ(encode(*again), canonical) << to_hex(changed);
    }
  }
}

TEST(NsmProtocolTest, NoSingleByteMutationBreaksTheDecoder) {
  for (const KnownRequest& known : known_requests()) {
    expect_mutations_to_be_stable(hex(known.bytes), decode_request);
  }
  for (const KnownResponse& known : known_responses()) {
    expect_mutations_to_be_stable(hex(known.bytes), decode_response);
  }
}

TEST(NsmProtocolTest, RefusesATrailingByte) {
  for (const KnownRequest& known : known_requests()) {
    Bytes message = hex(known.bytes);
    message.push_back(0);
    EXPECT_FALSE(decode_request(message).has_value());
  }
}

TEST(NsmProtocolTest, AcceptsAttestationFieldsInAnyOrderAndLeftOut) {
  cbor::Writer out;
  out.map(1).text("Attestation").map(2);
  out.text("public_key").bytes(as_bytes("key")).text("nonce").bytes(as_bytes("once"));
  const auto decoded = decode_request(out.view());
  ASSERT_TRUE(decoded.has_value()) << decoded.error().detail;
  const auto& request = std::get<AttestationRequest>(*decoded);
  EXPECT_FALSE(request.user_data.has_value());
  EXPECT_EQ(request.nonce, to_bytes("once"));
  EXPECT_EQ(request.public_key, to_bytes("key"));

  EXPECT_TRUE(decode_request(hex("a16b4174746573746174696f6ea0")).has_value()) << "empty map";
}

TEST(NsmProtocolTest, AcceptsTheFieldOrderOfOtherModules) {
  cbor::Writer out;
  out.map(1).text("DescribePCR").map(2);
  out.text("data").bytes(Bytes(48)).text("lock").boolean(false);
  const auto decoded = decode_response(out.view());
  ASSERT_TRUE(decoded.has_value()) << decoded.error().detail;
  EXPECT_FALSE(std::get<DescribePcrResponse>(*decoded).lock);
}

TEST(NsmProtocolTest, RefusesUnknownOperationsAndFields) {
  for (const std::string_view bytes : {
           "6a556e6c6f636b50435273",                    // "UnlockPCRs"
           "674c6f636b504352",                          // "LockPCR" as a request without its index
           "a1674c6f636b504352a265696e64657810617800",  // LockPCR {index: 16, x: 0}
           "a1674c6f636b504352a0",                      // LockPCR {}
           "a26b44657363726962654e534df66947657452616e646f6df6",  // two operations in one
           "a0",                                                  // none
           "a16b44657363726962654e534df6",                        // a unit variant with content
           "f6",                                                  // null
       }) {
    EXPECT_FALSE(decode_request(hex(bytes)).has_value()) << bytes;
  }
}

TEST(NsmProtocolTest, RefusesAFieldThatOccursTwice) {
  EXPECT_FALSE(decode_request(hex("a1674c6f636b504352a265696e6465781065696e64657810")).has_value());
}

TEST(NsmProtocolTest, RefusesAnIndexAboveSixteenBits) {
  cbor::Writer out;
  out.map(1).text("LockPCR").map(1).text("index").unsigned_integer(65536);
  EXPECT_FALSE(decode_request(out.view()).has_value());
}

TEST(NsmProtocolTest, RefusesARequestAboveFourKibibytesAndAResponseAboveTwelve) {
  const Bytes largest = encode(Request(ExtendPcrRequest{.index = 0, .data = Bytes(4069)}));
  const Bytes over = encode(Request(ExtendPcrRequest{.index = 0, .data = Bytes(4090)}));
  ASSERT_EQ(largest.size(), kMaxRequestSize);
  ASSERT_GT(over.size(), kMaxRequestSize);
  EXPECT_TRUE(decode_request(largest).has_value());
  EXPECT_FALSE(decode_request(over).has_value());
  const Bytes long_answer = encode(Response(AttestationResponse{.document = Bytes(12288)}));
  EXPECT_FALSE(decode_response(long_answer).has_value());
}

TEST(NsmProtocolTest, RefusesLockedIndicesOutOfOrder) {
  DescribeNsmResponse response{.module_id = "i", .locked_pcrs = {3, 1}, .digest = "SHA384"};
  EXPECT_FALSE(decode_response(encode(Response(response))).has_value());
  response.locked_pcrs = {1, 1};
  EXPECT_FALSE(decode_response(encode(Response(response))).has_value());
  response.locked_pcrs = {1, 3};
  EXPECT_TRUE(decode_response(encode(Response(response))).has_value());
}

TEST(NsmProtocolTest, RefusesAnErrorCodeNobodyKnows) {
  EXPECT_FALSE(decode_response(hex("a1654572726f72634f6f70")).has_value());
}

}  // namespace
}  // namespace cofferdam::nsm
