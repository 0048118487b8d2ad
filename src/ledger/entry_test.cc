// SPDX-License-Identifier: Apache-2.0
#include "ledger/entry.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "ledger/canonical.h"

namespace cofferdam::ledger {
namespace {

SignedEntry sample() {
  static const crypto::EcPrivateKey key = crypto::EcPrivateKey::generate(kLedgerCurve).value();
  SignedEntry out;
  out.entry.ledger = ledger_id(key.public_key().spki());
  out.entry.sequence = 7;
  out.entry.previous.fill(0xaa);
  out.entry.time = parse_rfc3339("2026-01-31T09:05:00.123Z").value();
  out.entry.kind = "release";
  out.entry.record = {{"decision", "allow"}, {"detail", "a \"quoted\" line\n"}};
  const Head head{.ledger = out.entry.ledger,
                  .size = 8,
                  .hash = hash_of(out.entry).value(),
                  .time = out.entry.time};
  out.head = sign_head(head, key).value();
  EXPECT_TRUE(verify_head(out.head, key.public_key()).has_value());
  return out;
}

// Checked with: printf 'cofferdam/ledger/entry/v1\0%s' "$TEXT" | sha384sum
TEST(EntryTest, TheHashIsOverTheDomainAndTheCanonicalText) {
  Entry entry;
  entry.time = parse_rfc3339("2026-01-31T09:05:00Z").value();
  entry.kind = "release";
  entry.record = {{"decision", "deny"}};
  EXPECT_EQ(to_hex(hash_of(entry).value()),
            "548493c57d95d9e002b19911eb311c2593304fbad73141f8c3b3db1f83b29ab697e8be6e2ac732078ed6a2"
            "acc7681ab7");
}

// Checked with: printf 'cofferdam/ledger/id/v1\0\1\2\3' | sha256sum, and
// printf '\x82\x73cofferdam/ledger/v1\x58\x20' followed by that digest | sha384sum
TEST(EntryTest, TheLedgerIsNamedAfterItsKeyAndTheDocumentBindsTheName) {
  const LedgerId id = ledger_id(Bytes{1, 2, 3});
  EXPECT_EQ(to_hex(id), "54bf672d20fc93a131e7e886d03d09f37a7b99c556ef1ea8b9d770a8ef47a7c4");
  EXPECT_EQ(to_hex(ledger_user_data(id)),
            "84698db027221a015d539ebe5fdcf34a83cb4a4fad796a3f27ee661b4aa76df0226decf28ac1575b3a40aa"
            "d4680c460c");
}

TEST(EntryTest, ALineReadsBackAsWhatItWas) {
  const std::string line = to_line(sample()).value();
  EXPECT_TRUE(line.starts_with(R"({"entry":{"kind":"release","ledger":")"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_line(line);
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  EXPECT_EQ(read->entry.sequence, 7u);
  EXPECT_EQ(read->entry.record, sample().entry.record);
  EXPECT_EQ(read->head.head, sample().head.head);
  EXPECT_EQ(to_line(*read).value(), line);
}

TEST(EntryTest, EveryPrefixOfALineIsRefused) {
  const std::string line = to_line(sample()).value();
  for (std::size_t size = 0; size < line.size(); ++size) {
    EXPECT_FALSE(parse_line(std::string_view(line).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(parse_line(line + "\n").has_value());
  EXPECT_FALSE(parse_line(line + " ").has_value());
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(EntryTest, OneMeaningHasOneText) {
  const std::string line = to_line(sample()).value();
  EXPECT_FALSE(parse_line(replaced(line, R"("kind":)", R"("kind": )")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, "release", "\\u0072elease")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, "aaaa", "AAAA")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, ".123Z", ".1230Z")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, R"("sequence":7)", R"("sequence":7.0)")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, R"("size":8)", R"("more":1,"size":8)")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, "{\"entry\"", "{\"also\":1,\"entry\"")).has_value());
  EXPECT_FALSE(parse_line(replaced(line, R"("sequence":7)", R"("sequence":-7)")).has_value());
}

TEST(EntryTest, AnEntryTooLongForALineIsNotWritten) {
  SignedEntry entry = sample();
  entry.entry.record["detail"] = std::string(kMaxLineSize, 'x');
  EXPECT_FALSE(to_line(entry).has_value());
}

TEST(EntryTest, AHeadIsOnlyAcceptedInItsOneForm) {
  const json::object head = to_json(sample().head);
  ASSERT_TRUE(parse_head(head).has_value());
  EXPECT_FALSE(parse_head(json::value(nullptr)).has_value());
  for (const auto& member : head) {
    json::object without = head;
    without.erase(member.key());
    EXPECT_FALSE(parse_head(without).has_value()) << member.key();
  }
  json::object more = head;
  more["more"] = 1;
  EXPECT_FALSE(parse_head(more).has_value());
}

TEST(EntryTest, NoOtherKeyAndNoOtherHeadVerifies) {
  SignedHead head = sample().head;
  const auto other = crypto::EcPrivateKey::generate(kLedgerCurve).value();
  EXPECT_EQ(verify_head(head, other.public_key()).error().code, Errc::unauthenticated);
}

}  // namespace
}  // namespace cofferdam::ledger
