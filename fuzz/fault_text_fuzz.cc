// SPDX-License-Identifier: Apache-2.0
// Target: cloud::parse_fault_file, and with it every --fault. What parses, written out again
// in the canonical form, parses to the same rules; and no rule is beyond its bounds.
#include <cstdlib>

#include "base/byte_view.h"
#include "cloud/faults.h"

namespace {

using cofferdam::cloud::Fault;
using cofferdam::cloud::FaultRule;

std::string text_of(const FaultRule& rule) {
  std::string text = rule.service + ":" + rule.operation + "=";
  text += cofferdam::cloud::fault_name(rule.fault.kind);
  const bool timed = rule.fault.kind == Fault::Kind::latency ||
                     rule.fault.kind == Fault::Kind::stale_read ||
                     rule.fault.kind == Fault::Kind::clock_skew;
  if (timed) text += "=" + std::to_string(rule.fault.time.count()) + "ms";
  if (rule.count) text += ",count=" + std::to_string(*rule.count);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  if (size > 16'384) return 0;
  const auto rules = cloud::parse_fault_file(as_text(ByteView(data, size)));
  if (!rules) {
    if (rules.error().code != Errc::invalid_input) abort();
    return 0;
  }
  for (FaultRule rule : *rules) {
    if (!(rule.probability >= 0 && rule.probability <= 1)) abort();
    const bool negative = rule.fault.time < std::chrono::milliseconds(0);
    if (negative && rule.fault.kind != Fault::Kind::clock_skew) abort();
    rule.probability = 1;  // Not every one of them has a decimal text of its own.
    const auto again = cloud::parse_fault(text_of(rule));
    if (!again || *again != rule) abort();
  }
  return 0;
}
