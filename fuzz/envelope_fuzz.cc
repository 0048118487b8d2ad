// SPDX-License-Identifier: Apache-2.0
// Target: custody::Envelope::decode and SealedState::decode, and opening whatever they accept.
// Each format has one encoding, no input is both, and nothing opens but the two messages that
// were ever sealed under these keys: the seeds.
#include <algorithm>
#include <cstdlib>

#include "custody/envelope.h"
#include "custody/sealing.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kPlaintext = "hunter2";

Secret key() {
  Secret out(32);
  for (std::size_t i = 0; i < out.size(); ++i) out.reveal_mut()[i] = static_cast<std::uint8_t>(i);
  return out;
}

Sealer make_sealer() {
  std::vector<KeyTree> roots;
  roots.push_back(KeyTree::create(key(), "vault").value());
  return Sealer::create(roots, {.name = "counters", .purpose = "state"}).value();
}

void require(bool holds) {
  if (!holds) std::abort();
}

bool check_envelope(ByteView input) {
  const auto envelope = Envelope::decode(input);
  if (!envelope) return false;
  require(std::ranges::equal(envelope->encode(), input));
  const EnvelopeExpectation expected{.name = envelope->claimed().name,
                                     .context = envelope->claimed().context,
                                     .version = {},
                                     .minimum_epoch = 0};
  const auto opened = envelope->open(key(), expected);
  if (opened) require(as_text(opened->reveal()) == kPlaintext);
  return true;
}

bool check_sealed(ByteView input) {
  static const Sealer& sealer = *new Sealer(make_sealer());
  const auto state = SealedState::decode(input);
  const auto opened = sealer.unseal(input, 0);
  if (opened) require(as_text(opened->state.reveal()) == kPlaintext);
  if (!state) {
    require(!opened);
    return false;
  }
  require(std::ranges::equal(state->encode(), input));
  return true;
}

}  // namespace
}  // namespace cofferdam::custody

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cofferdam::ByteView input(data, size);
  const bool envelope = cofferdam::custody::check_envelope(input);
  const bool sealed = cofferdam::custody::check_sealed(input);
  if (envelope && sealed) std::abort();
  return 0;
}
