// SPDX-License-Identifier: Apache-2.0
// Sealing and opening beside the raw AES-256-GCM they contain. The difference is the commitment,
// two HKDFs and a digest of the header, and for large messages the copy into CBOR.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "crypto/aead.h"
#include "custody/envelope.h"
#include "custody/sealing.h"

namespace cofferdam::custody {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;

Secret filled(std::size_t size) { return Secret::copy_of(Bytes(size, 0x5a)); }

KeyTree tree() { return KeyTree::create(filled(32), "vault").value(); }

Sealer sealer(std::size_t roots = 1) {
  std::vector<KeyTree> trees;
  for (std::size_t i = 0; i < roots; ++i) {
    trees.push_back(KeyTree::create(filled(32 + (roots - 1 - i)), "vault").value());
  }
  return Sealer::create(trees, {.name = "counters", .purpose = "state"}, kLargest).value();
}

void per_byte(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void gcm_seal(benchmark::State& state) {
  const Secret key = filled(32);
  const Secret data = filled(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(crypto::aead_seal(key, data.reveal(), {}));
  }
  per_byte(state);
}

void state_seal(benchmark::State& state) {
  const Sealer one = sealer();
  const Secret data = filled(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(one.seal(data, 1, 1));
  per_byte(state);
}

// `roots` - 1 of them are tried in vain.
void unseal(benchmark::State& state, std::size_t roots) {
  const Bytes sealed =
      sealer().seal(filled(static_cast<std::size_t>(state.range(0))), 1, 1).value();
  const Sealer opener = sealer(roots);
  for ([[maybe_unused]] auto _ : state) {
    if (!opener.unseal(sealed, 1)) std::abort();
  }
  per_byte(state);
}
void state_unseal(benchmark::State& state) { unseal(state, 1); }
void state_unseal_by_the_eighth_root(benchmark::State& state) { unseal(state, 8); }

struct EnvelopeSample {
  DataKey key{.plaintext = filled(32), .wrapped = Bytes(184, 1)};
  EnvelopeSubject subject{.name = "db-password", .version = 1, .epoch = 1, .context = {}};
  EnvelopeExpectation expected{
      .name = "db-password", .context = {}, .version = {}, .minimum_epoch = 1};
};

void envelope_seal(benchmark::State& state) {
  const EnvelopeSample sample;
  const Secret data = filled(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Envelope::seal(sample.key, sample.subject, data, kLargest)->encode());
  }
  per_byte(state);
}

void envelope_open(benchmark::State& state) {
  const EnvelopeSample sample;
  const Secret data = filled(static_cast<std::size_t>(state.range(0)));
  const Bytes bytes = Envelope::seal(sample.key, sample.subject, data, kLargest)->encode();
  for ([[maybe_unused]] auto _ : state) {
    if (!Envelope::decode(bytes, kLargest)->open(sample.key.plaintext, sample.expected))
      std::abort();
  }
  per_byte(state);
}

void derive(benchmark::State& state) {
  const KeyTree keys = tree();
  const KeyPath path{.purpose = "session", .label = "alice"};
  const auto size = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(keys.derive(path, size));
}

void sizes(benchmark::internal::Benchmark* bench) { bench->Arg(32)->Arg(4 << 10)->Arg(kLargest); }

BENCHMARK(gcm_seal)->Apply(sizes);
BENCHMARK(state_seal)->Apply(sizes);
BENCHMARK(state_unseal)->Apply(sizes);
BENCHMARK(state_unseal_by_the_eighth_root)->Arg(32);
BENCHMARK(envelope_seal)->Apply(sizes);
BENCHMARK(envelope_open)->Apply(sizes);
BENCHMARK(derive)->Arg(32)->Arg(1024);

}  // namespace
}  // namespace cofferdam::custody
