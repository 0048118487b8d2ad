// SPDX-License-Identifier: Apache-2.0
// A line of a ledger: what is read is written back byte for byte, and nothing else about it
// is believed before a document under a pinned root vouches for a key.
#include <cstdlib>

#include "ledger/decision.h"
#include "ledger/line_reader.h"
#include "ledger/verifier.h"

namespace {

using cofferdam::ledger::Verifier;

void check_line(std::string_view text) {
  const auto entry = cofferdam::ledger::parse_line(text);
  if (!entry) return;
  if (cofferdam::ledger::to_line(*entry).value() != text) std::abort();
  // A whole line is one whose end is missing.
  if (!cofferdam::ledger::is_half_line(text)) std::abort();
  const auto decision = cofferdam::ledger::parse_decision(entry->entry.record);
  if (!decision) return;
  const auto again = cofferdam::ledger::parse_decision(cofferdam::ledger::to_json(*decision));
  if (!again || to_json_line(*again) != to_json_line(*decision)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2 * cofferdam::ledger::kMaxLineSize) return 0;
  const std::string_view text = cofferdam::as_text({data, size});
  check_line(text);
  static const cofferdam::attest::Verifier documents(cofferdam::attest::TrustRoot::aws());
  Verifier verifier(documents, {});
  verifier.add(text, 1);
  verifier.add(text, 2);
  verifier.finish();
  if (verifier.sound()) std::abort();
  return 0;
}
