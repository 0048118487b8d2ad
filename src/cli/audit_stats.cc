// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/reason.h"
#include "attest/reason.h"
#include "base/printable.h"
#include "cli/audit_support.h"
#include "ledger/entry.h"

namespace cofferdam::cli {
namespace {

using audit::Row;
using Counts = std::map<std::string, std::uint64_t>;

constexpr const char* kFooter =
    R"(Counts for whoever is on call: denials by reason, by secret and by enclave, failed attestation,
and what the numbers of the entries show of gaps. Filters choose which decisions are counted; ledgers
and gaps are counted in all of the files. Nothing is verified: `cofferdam audit verify` does that.
Exit status: 0 counted, 2 usage, 3 environment.

Example:
  $ cofferdam audit stats ledger.jsonl --since 24h --json | jq .denialsByReason)";

struct Options {
  std::vector<std::string> files;
  audit::FilterOptions filter;
  bool json = false;
};

// What the attestation of an enclave failed with.
bool is_attestation_failure(std::string_view code) {
  namespace document = attest::reason;
  namespace boot = agent::reason;
  static constexpr std::array<std::string_view, 20> kCodes{
      document::kMalformed,    document::kWrongAlgorithm,  document::kUntrustedRoot,
      document::kBadChain,     document::kExpired,         document::kNotYetValid,
      document::kBadSignature, document::kDebugMode,       document::kPcrMismatch,
      document::kPcrMissing,   document::kNonceMismatch,   document::kUserDataMismatch,
      document::kTooOld,       document::kFutureTimestamp, document::kWrongKind,
      document::kInconsistent, boot::kNsmUnavailable,      boot::kConfigPcr,
      boot::kUserPcr,          boot::kBindingMismatch};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

class Stats {
 public:
  // Whatever its decision is about.
  void note_place(const Row& row) {
    if (!row.sequence) return;
    const auto [found, added] = ends_.try_emplace(row.ledger);
    End& end = found->second;
    if (added) end.next = *row.sequence;
    if (*row.sequence > end.next) missing_ += *row.sequence - end.next;
    if (*row.sequence >= end.next) end.next = *row.sequence + 1;
    end.closed = row.kind == ledger::kClosingKind;
  }

  void count(const Row& row) {
    if (!row.decides) return;
    const ledger::Decision& decision = row.decision;
    if (decision.allowed) {
      ++allowed_;
      return;
    }
    ++denied_;
    ++by_reason_[decision.reason];
    if (!decision.secret.empty()) ++by_secret_[decision.secret];
    if (!decision.module_id.empty()) ++by_enclave_[decision.module_id];
    if (is_attestation_failure(decision.reason)) ++attestation_failures_;
  }

  json::object to_json() const {
    return {{"allowed", allowed_},
            {"denied", denied_},
            {"denialsByReason", counts(by_reason_)},
            {"denialsBySecret", counts(by_secret_)},
            {"denialsByEnclave", counts(by_enclave_)},
            {"attestationFailures", attestation_failures_},
            {"ledgers", ends_.size()},
            {"ledgersNotClosed", not_closed()},
            {"missingEntries", missing_}};
  }

  void print() const {
    std::cout << "allowed               " << allowed_ << '\n'
              << "denied                " << denied_ << '\n';
    print("by reason", by_reason_);
    print("by secret", by_secret_);
    print("by enclave", by_enclave_);
    std::cout << "attestation failures  " << attestation_failures_ << '\n'
              << "ledgers               " << ends_.size() << '\n'
              << "  not closed          " << not_closed() << '\n'
              << "missing entries       " << missing_ << '\n';
  }

 private:
  struct End {
    std::uint64_t next = 0;
    bool closed = false;
  };

  std::int64_t not_closed() const {
    return std::ranges::count_if(ends_, [](const auto& of) { return !of.second.closed; });
  }

  static json::object counts(const Counts& counts) {
    json::object out;
    for (const auto& [name, count] : counts) out[name] = count;
    return out;
  }

  static void print(std::string_view title, const Counts& counts) {
    if (counts.empty()) return;
    std::cout << "  " << title << '\n';
    for (const auto& [name, count] : counts) {
      std::cout << "    " << printable(name) << "  " << count << '\n';
    }
  }

  std::uint64_t allowed_ = 0;
  std::uint64_t denied_ = 0;
  std::uint64_t attestation_failures_ = 0;
  std::uint64_t missing_ = 0;
  Counts by_reason_;
  Counts by_secret_;
  Counts by_enclave_;
  std::map<std::string, End> ends_;
};

Exit run_stats(const Options& options) {
  const auto filter = audit::Filter::read(options.filter, SystemClock());
  if (!filter) return audit::usage_error(filter.error(), "stats");
  Stats stats;
  const audit::Filter everything;
  const Status read = audit::for_each_row(options.files, everything, [&](const Row& row) {
    stats.note_place(row);
    if (filter->matches(row)) stats.count(row);
  });
  if (!read) {
    print_error(read.error());
    return Exit::environment;
  }
  if (options.json) {
    std::cout << pretty_json(stats.to_json());
  } else {
    stats.print();
  }
  return Exit::ok;
}

}  // namespace

void add_audit_stats(CLI::App& audit, Exit& exit) {
  CLI::App* const command =
      audit.add_subcommand("stats", "Count denials by reason, failed attestation and gaps");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->files, "Ledgers, in order")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  audit::add_filter_options(*command, options->filter);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run_stats(*options); });
}

}  // namespace cofferdam::cli
