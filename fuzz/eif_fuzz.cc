// SPDX-License-Identifier: Apache-2.0
// Target: eif::Image::parse and measure, and the signature section inside. The sections of
// an accepted image lie in the file one behind the other, and its registers are those of
// the same content hashed by itself. What is accepted of a signature section is written
// and read again.
#include <cstdlib>

#include "eif/reader.h"
#include "eif/report.h"
#include "eif/signature.h"

namespace cofferdam::eif {
namespace {

void check_sections(const Image& image) {
  std::uint64_t end = kHeaderSize;
  for (const Section& section : image.sections()) {
    if (section.offset < end) std::abort();
    end = section.offset + kSectionHeaderSize + section.data.size();
    if (section.data.data() != image.bytes().data() + section.offset + kSectionHeaderSize) {
      std::abort();
    }
  }
  if (end != image.bytes().size()) std::abort();
}

void check_measurements(const Image& image) {
  Bytes all;
  Bytes boot;
  Bytes application;
  std::size_t ramdisks = 0;
  const auto add = [](Bytes& to, ByteView data) { to.insert(to.end(), data.begin(), data.end()); };
  for (const Section& section : image.sections()) {
    if (section.type == SectionType::metadata || section.type == SectionType::signature) continue;
    const bool is_ramdisk = section.type == SectionType::ramdisk;
    add(all, section.data);
    add(is_ramdisk && ramdisks > 0 ? application : boot, section.data);
    if (is_ramdisk) ++ramdisks;
  }
  const Measurements measured = image.scan().value().measurements;
  if (measured.pcr0 != measure_bytes(all) || measured.pcr1 != measure_bytes(boot) ||
      measured.pcr2 != measure_bytes(application)) {
    std::abort();
  }
}

void check_signature(ByteView section) {
  const auto entries = parse_signature_section(section);
  if (!entries) return;
  const Bytes written = encode_signature_section(*entries);
  const auto again = parse_signature_section(written);
  if (!again || *again != *entries) std::abort();
}

void check(ByteView input) {
  check_signature(input);
  const auto image = Image::parse(input);
  if (!image) return;
  const Bytes header = image->header().encode();
  if (Header::parse(header)->encode() != header) std::abort();
  check_sections(*image);
  check_measurements(*image);
  if (const auto section = image->signature()) check_signature(*section);
  if (!describe(*image) && !image->signature()) std::abort();
}

}  // namespace
}  // namespace cofferdam::eif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::eif::check({data, size});
  return 0;
}
