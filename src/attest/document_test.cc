// SPDX-License-Identifier: Apache-2.0
#include "attest/document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attest/reason.h"
#include "attest/test_pki.h"
#include "base/encoding.h"

namespace cofferdam::attest {
namespace {

using test::encoded;

// Plain bytes stand in for certificates: decoding does not look inside them.
Document plain() {
  Document out = test::healthy_document({.cabundle = {Bytes{1}, Bytes{2}}, .leaf = Bytes{3}});
  return out;
}

// "accepted" or the reason code.
std::string judge(const test::Fields& fields) {
  const Bytes bytes = test::sign(test::payload_of(fields));
  const auto parsed = parse_document(bytes);
  return parsed ? "accepted" : std::string(parsed.error().reason);
}

// The verdict when `field` is encoded by `write` instead.
std::string judge_with(std::string_view field, const std::function<void(cbor::Writer&)>& write) {
  test::Fields fields = test::fields_of(plain());
  const auto found =
      std::ranges::find(fields, field, [](const auto& entry) { return entry.first; });
  found->second = encoded(write);
  return judge(fields);
}

std::string judge_bytes(std::string_view field, std::size_t size) {
  return judge_with(field, [&](cbor::Writer& w) { w.bytes(Bytes(size, 1)); });
}

TEST(DocumentTest, ReadsBackEveryField) {
  Document written = plain();
  written.public_key = Bytes{1};
  written.user_data = Bytes{};
  written.nonce = Bytes(1024, 9);
  const Bytes bytes = test::sign(written);
  const Document read = parse_document(bytes).value().document;
  EXPECT_EQ(test::fields_of(read), test::fields_of(written));
  EXPECT_EQ(read.kind, Kind::enclave);
}

TEST(DocumentTest, AnyOrderOfFieldsIsAccepted) {
  test::Fields fields = test::fields_of(plain());
  std::ranges::sort(fields);
  do {
    ASSERT_EQ(judge(fields), "accepted");
  } while (std::next_permutation(fields.begin(), fields.begin() + 4));
}

TEST(DocumentTest, AbsentOptionalsAreLikeNull) {
  test::Fields fields = test::fields_of(plain());
  fields.resize(6);
  EXPECT_EQ(judge(fields), "accepted");
}

TEST(DocumentTest, EveryMandatoryFieldIsMandatoryAndNotNull) {
  for (const std::string_view name :
       {"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"}) {
    test::Fields fields = test::fields_of(plain());
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
    EXPECT_EQ(judge(fields), reason::kMalformed) << name;
    EXPECT_EQ(judge_with(name, [](cbor::Writer& w) { w.null(); }), reason::kMalformed) << name;
  }
}

TEST(DocumentTest, ADefiniteAndAnIndefiniteMapAreTheSame) {
  Bytes payload = test::payload_of(test::fields_of(plain()));
  payload.front() = 0xbf;
  payload.push_back(0xff);
  const Bytes bytes = test::sign(payload);
  EXPECT_TRUE(parse_document(bytes));
}

TEST(DocumentTest, AFieldThatOccursTwiceIsMalformed) {
  test::Fields fields = test::fields_of(plain());
  fields.push_back(fields.front());
  EXPECT_EQ(judge(fields), reason::kMalformed);
}

TEST(DocumentTest, UnknownFieldsAreNamedAndDecideNothing) {
  test::Fields fields = test::fields_of(plain());
  fields.emplace_back("tomorrow", encoded([](cbor::Writer& w) { w.boolean(true); }));
  const Bytes bytes = test::sign(test::payload_of(fields));
  const Document document = parse_document(bytes).value().document;
  EXPECT_EQ(document.unknown_fields, std::vector<std::string>{"tomorrow"});
}

TEST(DocumentTest, AKeyThatIsNotTextIsMalformed) {
  Bytes payload = test::payload_of(test::fields_of(plain()));
  ++payload.front();
  payload.insert(payload.end(), {0x01, 0x02});
  const Bytes bytes = test::sign(payload);
  EXPECT_EQ(parse_document(bytes).error().reason, reason::kMalformed);
}

TEST(DocumentTest, BothKindsOfRegistersAtOnceAreMalformed) {
  test::Fields fields = test::fields_of(plain());
  fields.emplace_back("nitrotpm_pcrs", fields[3].second);
  EXPECT_EQ(judge(fields), reason::kMalformed);
}

TEST(DocumentTest, NitroTpmRegistersMakeItsKind) {
  Document written = plain();
  written.kind = Kind::nitrotpm;
  const Bytes bytes = test::sign(written);
  EXPECT_EQ(parse_document(bytes).value().document.kind, Kind::nitrotpm);
}

TEST(DocumentTest, RegistersAre1To32AndOf32_48Or64Octets) {
  const auto with = [](std::size_t count, std::size_t size) {
    return judge_with("pcrs", [&](cbor::Writer& w) {
      w.map(count);
      for (std::size_t i = 0; i < count; ++i) w.unsigned_integer(i).bytes(Bytes(size, 1));
    });
  };
  EXPECT_EQ(with(0, 48), reason::kMalformed);
  EXPECT_EQ(with(1, 48), "accepted");
  EXPECT_EQ(with(32, 64), "accepted");
  EXPECT_EQ(with(33, 48), reason::kMalformed);
  EXPECT_EQ(with(16, 32), "accepted");
  for (const std::size_t size : {0U, 16U, 31U, 33U, 47U, 49U, 63U, 65U, 80U}) {
    EXPECT_EQ(with(1, size), reason::kMalformed) << size;
  }
}

TEST(DocumentTest, SparseRegistersAreBoundedByTheirIndexNotTheirCount) {
  const auto only = [](std::uint64_t index) {
    return judge_with(
        "pcrs", [&](cbor::Writer& w) { w.map(1).unsigned_integer(index).bytes(Bytes(48, 1)); });
  };
  EXPECT_EQ(only(31), "accepted");
  EXPECT_EQ(only(32), reason::kMalformed);
  EXPECT_EQ(only(256), reason::kMalformed);  // Would be register 0 in eight bits.
  EXPECT_EQ(only(std::uint64_t{1} << 32), reason::kMalformed);
}

TEST(DocumentTest, OptionalFieldsHold0To1024Octets) {
  for (const std::string_view field : {"public_key", "user_data", "nonce"}) {
    EXPECT_EQ(judge_bytes(field, 0), "accepted") << field;
    EXPECT_EQ(judge_bytes(field, 1024), "accepted") << field;
    EXPECT_EQ(judge_bytes(field, 1025), reason::kMalformed) << field;
    EXPECT_EQ(judge_with(field, [](cbor::Writer& w) { w.text("x"); }), reason::kMalformed) << field;
  }
}

TEST(DocumentTest, CertificatesHold1To1024Octets) {
  EXPECT_EQ(judge_bytes("certificate", 0), reason::kMalformed);
  EXPECT_EQ(judge_bytes("certificate", 1), "accepted");
  EXPECT_EQ(judge_bytes("certificate", 1024), "accepted");
  EXPECT_EQ(judge_bytes("certificate", 1025), reason::kMalformed);
}

TEST(DocumentTest, TheBundleHolds1To8Certificates) {
  const auto with = [](std::size_t count) {
    return judge_with("cabundle", [&](cbor::Writer& w) {
      w.array(count);
      for (std::size_t i = 0; i < count; ++i) w.bytes(Bytes{1});
    });
  };
  EXPECT_EQ(with(0), reason::kMalformed);
  EXPECT_EQ(with(1), "accepted");
  EXPECT_EQ(with(8), "accepted");
  EXPECT_EQ(with(9), reason::kMalformed);
}

TEST(DocumentTest, TheTimestampLiesBetween1970And9999) {
  const auto with = [](std::uint64_t value) {
    return judge_with("timestamp", [&](cbor::Writer& w) { w.unsigned_integer(value); });
  };
  EXPECT_EQ(with(0), reason::kMalformed);
  EXPECT_EQ(with(1), "accepted");
  EXPECT_EQ(with(253402300799999), "accepted");
  EXPECT_EQ(with(253402300800000), reason::kMalformed);
  EXPECT_EQ(with(~std::uint64_t{0}), reason::kMalformed);
}

TEST(DocumentTest, TheDigestIsSha384AndTheModuleIdIsNotEmpty) {
  const auto text = [](std::string_view value) { return [=](cbor::Writer& w) { w.text(value); }; };
  EXPECT_EQ(judge_with("digest", text("SHA256")), reason::kMalformed);
  EXPECT_EQ(judge_with("module_id", text("")), reason::kMalformed);
  EXPECT_EQ(judge_with("module_id", text(std::string(257, 'i'))), reason::kMalformed);
}

TEST(DocumentTest, APayloadOver16KibIsMalformed) {
  test::Fields fields = test::fields_of(plain());
  fields.emplace_back("padding",
                      encoded([](cbor::Writer& w) { w.bytes(Bytes(std::size_t{16} * 1024, 0)); }));
  EXPECT_EQ(judge(fields), reason::kMalformed);
}

TEST(DocumentTest, DebugModeIsPcr0To2AllZeroOrMissing) {
  const Bytes zero(48, 0);
  const Bytes one(48, 1);
  EXPECT_TRUE(is_debug({{0, zero}, {1, zero}, {2, zero}, {3, one}, {4, one}}));
  EXPECT_TRUE(is_debug({{4, one}}));
  EXPECT_TRUE(is_debug({}));
  EXPECT_FALSE(is_debug({{0, one}, {1, zero}, {2, zero}}));
  EXPECT_FALSE(is_debug({{0, zero}, {1, zero}, {2, one}}));
}

TEST(DocumentTest, RawBase64AndHexadecimalInputAreToldApart) {
  const Bytes untagged = test::sign(plain());
  Bytes tagged = untagged;
  tagged.insert(tagged.begin(), 0xd2);
  for (const Bytes& raw : {untagged, tagged}) {
    EXPECT_EQ(decode_document_input(raw).value(), raw);
    EXPECT_EQ(decode_document_input(as_bytes(to_hex(raw))).value(), raw);
    EXPECT_EQ(decode_document_input(as_bytes(to_base64(raw))).value(), raw);
    std::string lines = to_base64(raw);
    for (std::size_t at = 76; at < lines.size(); at += 78) lines.insert(at, "\r\n");
    EXPECT_EQ(decode_document_input(as_bytes(lines + "\n")).value(), raw);
  }
}

TEST(DocumentTest, InputThatIsNoneOfTheThreeIsMalformed) {
  for (const std::string_view text : {"", " \n", "{\"document\": 1}", "hEShATgi!", "zz"}) {
    EXPECT_EQ(decode_document_input(as_bytes(text)).error().reason, reason::kMalformed) << text;
  }
  const std::string long_text(4 * kMaxDocumentSize + 1, 'a');
  EXPECT_EQ(decode_document_input(as_bytes(long_text)).error().reason, reason::kMalformed);
}

}  // namespace
}  // namespace cofferdam::attest
