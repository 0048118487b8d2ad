// SPDX-License-Identifier: Apache-2.0
// Target: cbor::parse. What it accepts must survive: written again in deterministic
// encoding and parsed under the strict limits, it is the same item.
#include <cstdlib>

#include "bytes/cbor.h"

namespace cofferdam {
namespace {

// Floating-point numbers and simple values have no writer: nothing here sends them.
bool write(const cbor::Item& item, cbor::Writer& out) {
  switch (item.type()) {
    case cbor::Type::unsigned_integer:
      out.unsigned_integer(*item.unsigned_integer());
      return true;
    case cbor::Type::negative_integer:
      if (!item.integer()) return false;
      out.integer(*item.integer());
      return true;
    case cbor::Type::bytes:
      out.bytes(*item.bytes());
      return true;
    case cbor::Type::text:
      out.text(*item.text());
      return true;
    case cbor::Type::boolean:
      out.boolean(*item.boolean());
      return true;
    case cbor::Type::null:
      out.null();
      return true;
    case cbor::Type::tag:
      out.tag(*item.tag_number());
      return write(**item.tagged(), out);
    case cbor::Type::array:
      out.array(item.array()->size());
      for (const cbor::Item& child : *item.array()) {
        if (!write(child, out)) return false;
      }
      return true;
    case cbor::Type::map:
      out.map(item.map()->size() / 2);
      for (const cbor::Item& child : *item.map()) {
        if (!write(child, out)) return false;
      }
      return true;
    default:
      return false;
  }
}

void check(ByteView input) {
  const auto item = cbor::parse(input);
  if (!item) return;
  if (item->encoded().data() != input.data() || item->encoded().size() != input.size()) abort();
  cbor::Writer first;
  if (!write(*item, first)) return;
  const auto again =
      cbor::parse(first.view(), {.allow_indefinite = false, .allow_long_heads = false});
  // Keys that are arrays or maps are told apart by their encoding, so two of them may
  // become one when written shorter. Nothing else may be lost.
  if (!again) {
    if (!again.error().detail.ends_with("occurs twice")) abort();
    return;
  }
  cbor::Writer second;
  if (!write(*again, second) || second.view() != first.view()) abort();
}

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::check({data, size});
  return 0;
}
