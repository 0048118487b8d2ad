// SPDX-License-Identifier: Apache-2.0
// Target: eif::compare_images, on two images out of one input: a u32 with the size of the
// first, then both. Nothing is found exactly where the bytes are equal; a register is said to
// be equal exactly where the same content, hashed by itself, is; and every register that
// differs has a difference that moves it, unless bytes only crossed a border.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bytes/byte_reader.h"
#include "eif/diff.h"
#include "eif/diff_report.h"
#include "eif/measure.h"

namespace cofferdam::eif {
namespace {

crypto::Sha384 measure(const Image& image, std::uint8_t index) {
  Bytes all;
  std::size_t ramdisks = 0;
  for (const Section& section : image.sections()) {
    if (section.type == SectionType::metadata || section.type == SectionType::signature) continue;
    const bool later = section.type == SectionType::ramdisk && ramdisks++ > 0;
    if ((index == 1 && later) || (index == 2 && !later)) continue;
    all.insert(all.end(), section.data.begin(), section.data.end());
  }
  return measure_bytes(all);
}

bool is_explained(const ImageDiff& diff, std::uint8_t index) {
  return std::ranges::any_of(diff.sections, [index](const SectionDiff& section) {
    return std::ranges::any_of(section.differences, [index](const Difference& one) {
      return std::ranges::find(one.registers, index) != one.registers.end();
    });
  });
}

void check(const Image& a, const Image& b) {
  const ImageDiff diff = compare_images(a, b).value();
  if (diff.equal() != std::ranges::equal(a.bytes(), b.bytes())) std::abort();
  for (const RegisterDiff& one : diff.registers) {
    if (one.index != 8 && one.equal() != (measure(a, one.index) == measure(b, one.index))) {
      std::abort();
    }
    if (!one.equal() && !is_explained(diff, one.index)) std::abort();
  }
  for (const char c : diff_text(diff, {"a", "b"})) {
    if (c != '\n' && (c < 0x20 || c == 0x7f)) std::abort();
  }
  if (!diff_json(diff, {"a", "b"}).contains("pcrs")) std::abort();
}

void run(ByteView input) {
  ByteReader in(input);
  const auto size = in.u32();
  if (!size) return;
  const auto first = in.bytes(std::min<std::size_t>(*size, in.remaining()));
  const auto second = in.bytes(in.remaining());
  const auto a = Image::parse(*first);
  if (!a) return;
  if (!compare_images(*a, *a).value().equal()) std::abort();
  const auto b = Image::parse(*second);
  if (b) check(*a, *b);
}

}  // namespace
}  // namespace cofferdam::eif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::eif::run({data, size});
  return 0;
}
