// SPDX-License-Identifier: Apache-2.0
// One test for each way of tampering with a ledger. docs/threat-model.md names them.
#include "ledger/verifier.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.h"
#include "ledger/canonical.h"
#include "ledger/kept_heads.h"
#include "ledger/line_reader.h"
#include "ledger/test_support.h"

namespace cofferdam::ledger {
namespace {

using attest::test::kNow;
using test::decision;
using test::head_of;
using test::lines_of;

using Lines = std::vector<std::string>;

// A ledger of six lines: genesis, four decisions, closing.
class LedgerAttackTest : public ::testing::Test {
 protected:
  static constexpr int kDecisions = 4;

  std::string judge(const Lines& lines, Verifier::Expectations expected = {}) const {
    return test::judge(platform_, lines, std::move(expected));
  }

  // The line with its entry changed; the hash beside it as well, where a forger knows how.
  static std::string edited(const std::string& line, bool with_hash) {
    SignedEntry entry = parse_line(line).value();
    entry.entry.record["requestId"] = "forged";
    if (with_hash) entry.head.head.hash = hash_of(entry.entry).value();
    return to_line(entry).value();
  }

  // The line as another key would sign it.
  static std::string signed_by_another(const std::string& line) {
    const auto key = crypto::EcPrivateKey::generate(kLedgerCurve).value();
    SignedEntry entry = parse_line(line).value();
    entry.head = sign_head(entry.head.head, key).value();
    return to_line(entry).value();
  }

  test::Platform platform_;
  Lines lines_ = lines_of(platform_.open(), kDecisions);
};

TEST_F(LedgerAttackTest, AnHonestLedgerIsSound) {
  const attest::Verifier documents(platform_.root());
  Verifier verifier(documents,
                    {.pcrs = platform_.pcrs(), .enclave = {}, .kept = {}, .ledgers = {}});
  std::uint64_t number = 0;
  for (const std::string& line : lines_) verifier.add(line, ++number);
  verifier.finish();
  EXPECT_TRUE(verifier.sound());
  ASSERT_EQ(verifier.ledgers().size(), 1u);
  const LedgerVerdict& verdict = *verifier.ledgers().front();
  EXPECT_EQ(verdict.head.head.size, lines_.size());
  EXPECT_EQ(verdict.head.head.time, kNow + std::chrono::seconds(9));
  EXPECT_EQ(verdict.first, kNow);
  EXPECT_TRUE(verdict.closed);
  EXPECT_EQ(verdict.resent, 0u);
  EXPECT_EQ(verdict.document->document().module_id, "i-0123456789abcdef0-enc019c13eb17601234");
}

TEST_F(LedgerAttackTest, EditedEntry) {
  for (std::size_t at = 1; at < lines_.size(); ++at) {
    Lines lines = lines_;
    lines[at] = edited(lines[at], /*with_hash=*/false);
    EXPECT_EQ(judge(lines), "hash_mismatch") << at;
    lines[at] = edited(lines[at], /*with_hash=*/true);
    EXPECT_EQ(judge(lines), "bad_signature") << at;
  }
}

TEST_F(LedgerAttackTest, DenialTurnedIntoAllowance) {
  SignedLedger ledger = platform_.open();
  Lines lines{ledger.genesis(), ledger.append(decision("req-1", /*allowed=*/false)).value()};
  ASSERT_EQ(judge(lines), "sound");
  SignedEntry entry = parse_line(lines[1]).value();
  entry.entry.record["decision"] = "allow";
  entry.entry.record["reason"] = "ok";
  lines[1] = to_line(entry).value();
  EXPECT_EQ(judge(lines), "hash_mismatch");
}

TEST_F(LedgerAttackTest, DeletedFromTheMiddle) {
  for (std::size_t at = 1; at + 1 < lines_.size(); ++at) {
    Lines lines = lines_;
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_EQ(judge(lines), "gap") << at;
  }
}

TEST_F(LedgerAttackTest, DeletedGenesis) {
  lines_.erase(lines_.begin());
  EXPECT_EQ(judge(lines_), "no_genesis");
}

TEST_F(LedgerAttackTest, ReorderedEntries) {
  for (std::size_t at = 1; at + 1 < lines_.size(); ++at) {
    Lines lines = lines_;
    std::swap(lines[at], lines[at + 1]);
    EXPECT_EQ(judge(lines), "gap") << at;
  }
}

TEST_F(LedgerAttackTest, DuplicatedEntry) {
  for (std::size_t at = 0; at + 1 < lines_.size(); ++at) {
    Lines lines = lines_;
    lines.push_back(lines[at]);
    EXPECT_EQ(judge(lines), "out_of_order") << at;
  }
}

TEST_F(LedgerAttackTest, AnEntrySentAgainAtOnceIsNoAttack) {
  Lines lines = lines_;
  lines.insert(lines.begin() + 3, lines[2]);
  lines.push_back(lines.back());
  EXPECT_EQ(judge(lines), "sound");
}

TEST_F(LedgerAttackTest, TruncatedAgainstAKeptHead) {
  for (std::size_t size = 1; size < lines_.size(); ++size) {
    const Lines lines(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(judge(lines), "sound") << "without a kept head nobody can tell";
    Verifier::Expectations expected;
    expected.kept = {head_of(lines_[size])};
    EXPECT_EQ(judge(lines, expected), "truncated") << size;
  }
}

TEST_F(LedgerAttackTest, AKeptHeadOfAShorterLedgerIsFine) {
  for (const std::string& line : lines_) {
    Verifier::Expectations expected;
    expected.kept = {head_of(line)};
    EXPECT_EQ(judge(lines_, expected), "sound");
  }
}

TEST_F(LedgerAttackTest, WholeLedgerDeleted) {
  const Lines other = lines_of(platform_.open(), 1);
  Verifier::Expectations kept;
  kept.kept = {head_of(lines_.front())};
  EXPECT_EQ(judge(other, kept), "ledger_missing");
  Verifier::Expectations named;
  named.ledgers = {head_of(lines_.front()).head.ledger};
  EXPECT_EQ(judge(other, named), "ledger_missing");
  EXPECT_EQ(judge({}), "no_ledger");
}

TEST_F(LedgerAttackTest, AppendedByAnotherKey) {
  SignedLedger ledger = platform_.open();
  Lines lines{ledger.genesis()};
  lines.push_back(signed_by_another(ledger.append(decision("req-1")).value()));
  EXPECT_EQ(judge(lines), "bad_signature");
}

TEST_F(LedgerAttackTest, SplicedFromAnotherLedger) {
  const Lines other = lines_of(platform_.open(), kDecisions);
  Lines lines = lines_;
  lines[2] = other[2];
  EXPECT_EQ(judge(lines), "gap") << "the line belongs to its own ledger, wherever it stands";
  SignedEntry relabelled = parse_line(other[2]).value();
  relabelled.entry.ledger = relabelled.head.head.ledger = head_of(lines_[2]).head.ledger;
  lines[2] = to_line(relabelled).value();
  EXPECT_EQ(judge(lines), "hash_mismatch");
}

TEST_F(LedgerAttackTest, SwappedGenesisDocument) {
  const Lines other = lines_of(platform_.open(), 1);
  SignedEntry genesis = parse_line(lines_[0]).value();
  genesis.entry.record = parse_line(other[0]).value().entry.record;
  Lines lines = lines_;
  lines[0] = to_line(genesis).value();
  EXPECT_EQ(judge(lines), "wrong_binding");
}

// A ledger whose genesis holds what `attest` makes of the binding.
Lines ledger_with(const SignedLedger::Attest& attest) {
  return lines_of(SignedLedger::open(attest, ManualClock(kNow)).value(), 1);
}

TEST_F(LedgerAttackTest, DocumentMadeForAnotherPurpose) {
  const auto without_user_data = [&](SignedLedger::Binding binding) -> Result<Bytes> {
    binding.user_data = Bytes(48, 7);
    return platform_.attest(binding);
  };
  EXPECT_EQ(judge(ledger_with(without_user_data)), "wrong_binding");
  const auto for_another_key = [&](SignedLedger::Binding binding) -> Result<Bytes> {
    binding.public_key = crypto::EcPrivateKey::generate(kLedgerCurve).value().public_key().spki();
    return platform_.attest(binding);
  };
  EXPECT_EQ(judge(ledger_with(for_another_key)), "wrong_binding");
}

TEST_F(LedgerAttackTest, DocumentUnderTheAttackersRoot) {
  const test::Platform attackers;
  const Lines lines = lines_of(attackers.open(), 1);
  EXPECT_EQ(test::judge(attackers, lines), "sound");
  EXPECT_EQ(judge(lines), "untrusted_root");
}

TEST_F(LedgerAttackTest, AnotherImagesLedger) {
  Verifier::Expectations expected;
  expected.pcrs[0] = Bytes(48, 0x77);
  EXPECT_EQ(judge(lines_, expected), "pcr_mismatch");
  Verifier::Expectations demanding;
  demanding.enclave = [](const attest::VerifiedDocument&) -> Status {
    return fail(Errc::denied, "pcr_mismatch", "not of this release");
  };
  EXPECT_EQ(judge(lines_, demanding), "pcr_mismatch");
}

TEST_F(LedgerAttackTest, ADocumentIsJudgedAtItsOwnTime) {
  // Its certificates ended in 2026; no clock enters the verdict.
  ASSERT_LT(kNow, parse_rfc3339("2026-02-01T00:00:00Z").value());
  EXPECT_EQ(judge(lines_), "sound");
  const ManualClock before_its_document(kNow - std::chrono::seconds(1));
  const auto attest = [&](const SignedLedger::Binding& binding) -> Result<Bytes> {
    return platform_.attest(binding);
  };
  const SignedLedger early = SignedLedger::open(attest, before_its_document).value();
  EXPECT_EQ(judge({early.genesis()}), "time_backwards");
}

// What only the holder of the key can do: the enclave itself, or who stole the key from it.
class DishonestWriter {
 public:
  explicit DishonestWriter(const test::Platform& platform) {
    const Bytes spki = key_.public_key().spki();
    id_ = ledger_id(spki);
    const Bytes document = platform.attest({spki, ledger_user_data(id_)});
    genesis_ = line(0, {}, std::string(kGenesisKind), {{"document", to_base64(document)}}, kNow);
  }

  std::string line(std::uint64_t sequence, const EntryHash& previous, std::string kind,
                   json::object record, Timestamp time) const {
    SignedEntry out;
    out.entry = {.ledger = id_,
                 .sequence = sequence,
                 .previous = previous,
                 .time = time,
                 .kind = std::move(kind),
                 .record = std::move(record)};
    const Head head{
        .ledger = id_, .size = sequence + 1, .hash = hash_of(out.entry).value(), .time = time};
    out.head = sign_head(head, key_).value();
    return to_line(out).value();
  }

  std::string release(const std::string& after, std::string_view id, Timestamp time = kNow) const {
    const Head head = head_of(after).head;
    return line(head.size, head.hash, "release", {{"requestId", id}}, time);
  }

  const std::string& genesis() const { return genesis_; }

 private:
  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(kLedgerCurve).value();
  LedgerId id_{};
  std::string genesis_;
};

TEST_F(LedgerAttackTest, ForkedLedger) {
  const DishonestWriter writer(platform_);
  const std::string one = writer.release(writer.genesis(), "one");
  const std::string two = writer.release(writer.genesis(), "two");
  ASSERT_EQ(judge({writer.genesis(), one}), "sound");
  EXPECT_EQ(judge({writer.genesis(), one, two}), "forked");
  EXPECT_EQ(judge({writer.genesis(), one, writer.release(two, "three")}), "forked");
}

TEST_F(LedgerAttackTest, ForkedAgainstAKeptHead) {
  const DishonestWriter writer(platform_);
  const std::string one = writer.release(writer.genesis(), "one");
  const std::string two = writer.release(writer.genesis(), "two");
  Verifier::Expectations expected;
  expected.kept = {head_of(one)};
  EXPECT_EQ(judge({writer.genesis(), one}, expected), "sound");
  EXPECT_EQ(judge({writer.genesis(), two, writer.release(two, "three")}, expected), "forked");
}

TEST_F(LedgerAttackTest, EntriesAfterTheClosingOne) {
  const DishonestWriter writer(platform_);
  const Head head = head_of(writer.genesis()).head;
  const std::string closing =
      writer.line(1, head.hash, std::string(kClosingKind), {{"cause", "exited"}}, kNow);
  EXPECT_EQ(judge({writer.genesis(), closing}), "sound");
  EXPECT_EQ(judge({writer.genesis(), closing, writer.release(closing, "late")}), "after_closing");
}

TEST_F(LedgerAttackTest, TimeSetBack) {
  const DishonestWriter writer(platform_);
  const std::string early =
      writer.release(writer.genesis(), "early", kNow - std::chrono::milliseconds(1));
  EXPECT_EQ(judge({writer.genesis(), early}), "time_backwards");
}

TEST_F(LedgerAttackTest, ForgedKeptHead) {
  SignedHead forged = head_of(lines_.front());
  forged.head.size = 0;
  Verifier::Expectations expected;
  expected.kept = {forged};
  EXPECT_EQ(judge(lines_, expected), "bad_kept_head");
  forged.head.size = 3;
  expected.kept = {forged};
  EXPECT_EQ(judge(lines_, expected), "bad_kept_head");
}

TEST_F(LedgerAttackTest, AfterItsFirstProblemALedgerIsNotJudgedAndOthersAre) {
  const Lines other = lines_of(platform_.open(), 2);
  Lines lines = lines_;
  lines.erase(lines.begin() + 1);
  lines.insert(lines.end(), other.begin(), other.end());
  const attest::Verifier documents(platform_.root());
  Verifier verifier(documents, {});
  std::uint64_t number = 0;
  for (const std::string& line : lines) verifier.add(line, ++number);
  verifier.finish();
  ASSERT_EQ(verifier.ledgers().size(), 2u);
  const LedgerVerdict& broken = *verifier.ledgers()[0];
  EXPECT_EQ(broken.problems.size(), 1u);
  EXPECT_EQ(broken.problems[0].line, 2u);
  EXPECT_EQ(broken.problems[0].detail, "entry 1 is missing");
  EXPECT_EQ(broken.unjudged, 3u);
  EXPECT_EQ(broken.head.head.size, 1u);
  EXPECT_TRUE(verifier.ledgers()[1]->sound());
  EXPECT_FALSE(verifier.sound());
}

// ---- whatever happens to one byte

// A file as `cofferdam audit` reads it: lines that ended, and a half one at the end.
std::string judge_file(const test::Platform& platform, const std::string& text,
                       std::vector<EntryHash>* hashes) {
  const attest::Verifier documents(platform.root());
  Verifier verifier(documents, {});
  std::istringstream in(text);
  LineReader reader(in);
  while (const auto line = reader.next().value()) {
    if (!line->ended && is_half_line(line->text)) continue;
    verifier.add(line->text, line->number);
  }
  verifier.finish();
  for (const LedgerVerdict* const ledger : verifier.ledgers()) {
    hashes->push_back(ledger->head.head.hash);
  }
  return verifier.sound() ? "sound" : "refused";
}

TEST_F(LedgerAttackTest, AnyByteChangedIsNoticedOrChangesNothing) {
  std::string text;
  for (const std::string& line : lines_of(platform_.open(), 1)) text += line + "\n";
  std::vector<EntryHash> honest;
  ASSERT_EQ(judge_file(platform_, text, &honest), "sound");
  int noticed = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    // Every kind of change once in a while: a case, a digit, an end of line, a quote.
    constexpr std::array<char, 5> kMasks{0x20, 0x01, 0x2a, 0x02, 0x40};
    changed[at] = static_cast<char>(changed[at] ^ kMasks[at % kMasks.size()]);
    std::vector<EntryHash> hashes;
    if (judge_file(platform_, changed, &hashes) == "refused") {
      ++noticed;
    } else {
      EXPECT_EQ(hashes, honest) << "byte " << at;
    }
  }
  EXPECT_EQ(noticed, static_cast<int>(text.size()));
}

TEST_F(LedgerAttackTest, AKillInTheMiddleOfAnAppendLosesThatLineOnly) {
  const std::string whole = lines_[0] + "\n" + lines_[1] + "\n";
  std::vector<EntryHash> honest;
  ASSERT_EQ(judge_file(platform_, whole, &honest), "sound");
  for (std::size_t size = 0; size <= lines_[2].size(); size += 7) {
    std::vector<EntryHash> hashes;
    EXPECT_EQ(judge_file(platform_, whole + lines_[2].substr(0, size), &hashes), "sound") << size;
    EXPECT_EQ(hashes, honest) << size;
  }
  std::vector<EntryHash> hashes;
  EXPECT_EQ(judge_file(platform_, whole + lines_[2] + "x", &hashes), "refused");
}

}  // namespace
}  // namespace cofferdam::ledger
