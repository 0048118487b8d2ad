// SPDX-License-Identifier: Apache-2.0
// Verification of attestation documents beside the raw P-384 verifications it cannot avoid:
// five for a chain never seen before, one for a chain that is cached. Every iteration does
// both, so the ratio holds on a busy machine too. `ratio` is raw time / document time: 1 is
// the floor, `documents` is per second of processor time.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <ctime>

#include "attest/test_pki.h"
#include "attest/verifier.h"

namespace cofferdam::attest {
namespace {

struct Sample {
  test::Chain chain = test::issue();
  Bytes document = test::sign(test::healthy_document(chain));
  Expectations expected{.at = test::kNow};
};

const Sample& sample() {
  static const Sample sample;
  return sample;
}

class RawVerification {
 public:
  RawVerification()
      : key_(test::key_of(test::kLeaf).public_key()),
        digest_(crypto::digest(crypto::Hash::sha384, Bytes{7})),
        signature_(test::key_of(test::kLeaf).sign(crypto::Hash::sha384, Bytes{7}).value()) {}

  void run() const {
    if (!key_.verify_digest(digest_, signature_)) std::abort();
  }

 private:
  crypto::EcPublicKey key_;
  Bytes digest_;
  Bytes signature_;
};

double processor_seconds() {
  std::timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) std::abort();
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void verify(benchmark::State& state, std::size_t max_cached_chains, int raw_verifications) {
  const Sample& s = sample();
  const RawVerification raw;
  const Verifier verifier(test::root_of(s.chain), max_cached_chains);
  double raw_time = 0;
  double document_time = 0;
  for ([[maybe_unused]] auto _ : state) {
    const double start = processor_seconds();
    for (int i = 0; i < raw_verifications; ++i) raw.run();
    const double middle = processor_seconds();
    if (!verifier.verify(s.document, s.expected)) std::abort();
    const double end = processor_seconds();
    raw_time += middle - start;
    document_time += end - middle;
    state.SetIterationTime(end - middle);
  }
  state.counters["documents"] = static_cast<double>(state.iterations()) / document_time;
  state.counters["ratio"] = raw_time / document_time;
}

void cold(benchmark::State& state) {
  verify(state, /*max_cached_chains=*/0, /*raw_verifications=*/5);
}

void cached(benchmark::State& state) {
  verify(state, /*max_cached_chains=*/256, /*raw_verifications=*/1);
}

void raw_p384(benchmark::State& state) {
  const RawVerification raw;
  for ([[maybe_unused]] auto _ : state) raw.run();
}

void parse(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    if (!parse_document(sample().document)) std::abort();
  }
}

BENCHMARK(raw_p384);
BENCHMARK(cold)->Name("verify_cold")->UseManualTime();
BENCHMARK(cached)->Name("verify_cached")->UseManualTime();
BENCHMARK(parse)->Name("parse_only");

}  // namespace
}  // namespace cofferdam::attest
