// SPDX-License-Identifier: Apache-2.0
// What a ledger costs: an entry signed inside the enclave, beside the release it records, and
// an entry verified by an auditor. Items are entries, per second of processor time.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "ledger/test_support.h"

namespace cofferdam::ledger {
namespace {

void sign_entry(benchmark::State& state) {
  const test::Platform platform;
  SignedLedger ledger = platform.open();
  Decision decision = test::decision("5f1c0a9be2d34c71");
  for (const auto& [index, value] : platform.pcrs()) {
    decision.pcrs.emplace(index, std::string(2 * value.size(), 'a'));
  }
  std::size_t size = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto line = ledger.append(decision);
    if (!line) std::abort();
    size = line->size();
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["line_bytes"] = static_cast<double>(size);
}
BENCHMARK(sign_entry);

void verify_entries(benchmark::State& state) {
  const test::Platform platform;
  const auto lines = test::lines_of(platform.open(), static_cast<int>(state.range(0)));
  const attest::Verifier documents(platform.root());
  for ([[maybe_unused]] auto _ : state) {
    Verifier verifier(documents, {});
    std::uint64_t number = 0;
    for (const std::string& line : lines) verifier.add(line, ++number);
    verifier.finish();
    if (!verifier.sound()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lines.size()));
}
BENCHMARK(verify_entries)->Arg(10)->Arg(1000);

void begin_ledger(benchmark::State& state) {
  const test::Platform platform;
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(platform.open());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(begin_ledger);

}  // namespace
}  // namespace cofferdam::ledger
