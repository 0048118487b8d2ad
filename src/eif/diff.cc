// SPDX-License-Identifier: Apache-2.0
#include "eif/diff.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "eif/diff_parts.h"
#include "eif/signature.h"

namespace cofferdam::eif {

using diff::Findings;

namespace {

using Registers = std::vector<std::uint8_t>;

constexpr std::size_t kReservedAt = 0x18;
constexpr std::size_t kUnusedAt = 0x21c;

std::string size_text(std::uint64_t size) { return std::to_string(size) + " bytes"; }

std::string_view type_name(SectionType type) {
  switch (type) {
    case SectionType::kernel:
      return "kernel";
    case SectionType::cmdline:
      return "cmdline";
    case SectionType::ramdisk:
      return "ramdisk";
    case SectionType::signature:
      return "signature";
    case SectionType::metadata:
      return "metadata";
  }
  return "unknown";
}

// The registers that a ramdisk, by its place, is part of.
Registers covering_ramdisk(std::size_t index) {
  return index == 0 ? Registers{0, 1} : Registers{0, 2};
}

struct Pair {
  std::optional<std::size_t> a;
  std::optional<std::size_t> b;
};

// Same place and content first, then the same content elsewhere, then what is left in order.
std::vector<Pair> match_ramdisks(const std::vector<ByteView>& a, const std::vector<ByteView>& b) {
  std::vector<bool> taken_a(a.size());
  std::vector<bool> taken_b(b.size());
  std::vector<Pair> out;
  const auto take = [&](std::size_t i, std::size_t j) {
    taken_a[i] = taken_b[j] = true;
    out.push_back({i, j});
  };
  const auto same = [&](std::size_t i, std::size_t j) {
    return a[i].size() == b[j].size() && !diff::first_difference(a[i], b[j]);
  };
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (same(i, i)) take(i, i);
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size() && !taken_a[i]; ++j) {
      if (!taken_b[j] && same(i, j)) take(i, j);
    }
  }
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (taken_a[i]) continue;
    while (j < b.size() && taken_b[j]) ++j;
    if (j < b.size()) {
      take(i, j);
    } else {
      out.push_back({i, std::nullopt});
    }
  }
  for (j = 0; j < b.size(); ++j) {
    if (!taken_b[j]) out.push_back({std::nullopt, j});
  }
  std::ranges::sort(out, {}, [](const Pair& pair) {
    return std::pair(pair.b.value_or(pair.a.value_or(0)), pair.a.value_or(0));
  });
  return out;
}

// The sections both images have, in the order of one of them.
std::vector<SectionType> common_order(const Image& image, const Image& other, bool measured_only) {
  std::vector<SectionType> out;
  for (const Section& section : image.sections()) {
    const bool measured =
        section.type != SectionType::metadata && section.type != SectionType::signature;
    if (measured_only && !measured) continue;
    const auto wanted = std::ranges::count(other.sections(), section.type, &Section::type);
    if (std::ranges::count(out, section.type) < wanted) out.push_back(section.type);
  }
  return out;
}

std::string order_text(const Image& image) {
  std::string out;
  for (const Section& section : image.sections()) {
    if (!out.empty()) out += ' ';
    out += type_name(section.type);
  }
  return out;
}

// The bytes before each section that belong to no section.
std::vector<ByteView> gaps(const Image& image) {
  std::vector<ByteView> out;
  std::size_t end = kHeaderSize;
  for (const Section& section : image.sections()) {
    const auto at = static_cast<std::size_t>(section.offset);
    out.push_back(image.bytes().subspan(end, at - end));
    end = at + kSectionHeaderSize + section.data.size();
  }
  return out;
}

class Comparison {
 public:
  Comparison(const Image& a, const Image& b, std::size_t limit) : a_(a), b_(b), limit_(limit) {}

  Result<ImageDiff> run() && {
    COFFERDAM_CHECK(measure());
    header();
    layout();
    section("kernel", {0, 1}, a_.kernel(), b_.kernel(), diff::compare_kernels);
    section("cmdline", {0, 1}, as_bytes(a_.cmdline()), as_bytes(b_.cmdline()),
            diff::compare_cmdlines);
    ramdisks();
    optional_section("metadata", {}, a_.metadata(), b_.metadata(), diff::compare_metadata);
    optional_section("signature", {8}, a_.signature(), b_.signature(), diff::compare_signatures);
    return std::move(out_);
  }

 private:
  using Compare = void (*)(ByteView, ByteView, Findings&);

  Status measure();
  void header();
  void crc(Findings& found) const;
  void layout();
  void compare_gaps(Findings& found) const;
  void ramdisks();
  void ramdisk(Pair pair);
  void section(std::string name, Registers covering, ByteView a, ByteView b, Compare compare);
  void optional_section(std::string name, Registers covering, std::optional<ByteView> a,
                        std::optional<ByteView> b, Compare compare);

  // Those of `covering` that differ.
  Registers moved(Registers covering) const {
    std::erase_if(covering, [this](std::uint8_t index) {
      return std::ranges::find(out_.registers, index, &RegisterDiff::index)->equal();
    });
    return covering;
  }
  Findings findings(std::string name, Registers covering) const {
    const bool measured = !covering.empty() && covering.front() == 0;
    return {std::move(name), measured, moved(std::move(covering)), limit_};
  }
  void keep(Findings&& found) {
    if (!found.empty()) out_.sections.push_back(std::move(found).take());
  }

  const Image& a_;
  const Image& b_;
  std::size_t limit_;
  ImageDiff out_;
};

std::optional<crypto::Sha384> pcr8_of(const Image& image) {
  const auto section = image.signature();
  if (!section) return std::nullopt;
  const auto certificate = signing_certificate(*section);
  if (!certificate) return std::nullopt;
  return certificate->pcr8;
}

Status Comparison::measure() {
  Result<Image::Scan> aside;
  std::jthread other([&] { aside = a_.scan(); });
  const Result<Image::Scan> here = b_.scan();
  other.join();
  COFFERDAM_TRY(const Image::Scan a, aside);
  COFFERDAM_TRY(const Image::Scan b, here);
  out_.registers = {{{.index = 0, .a = a.measurements.pcr0, .b = b.measurements.pcr0},
                     {.index = 1, .a = a.measurements.pcr1, .b = b.measurements.pcr1},
                     {.index = 2, .a = a.measurements.pcr2, .b = b.measurements.pcr2},
                     {.index = 8, .a = pcr8_of(a_), .b = pcr8_of(b_)}}};
  out_.crc_a = {.stored = a_.header().crc, .matches = a.crc_matches};
  out_.crc_b = {.stored = b_.header().crc, .matches = b.crc_matches};
  return {};
}

void Comparison::header() {
  Findings found = findings("header", {});
  const Header& a = a_.header();
  const Header& b = b_.header();
  const auto field = [&found](std::string_view name, std::string left, std::string right) {
    if (left != right) {
      found.add({.field = name, .a = std::move(left), .b = std::move(right)});
    }
  };
  const auto raw = [&](std::string_view name, std::size_t at, std::size_t size) {
    field(name, diff::printable(a_.bytes().subspan(at, size)),
          diff::printable(b_.bytes().subspan(at, size)));
  };
  field("version", std::to_string(a.version), std::to_string(b.version));
  field("arch", std::string(arch_name(a.arch)), std::string(arch_name(b.arch)));
  field("defaultMemory", size_text(a.default_memory), size_text(b.default_memory));
  field("defaultCpus", std::to_string(a.default_cpus), std::to_string(b.default_cpus));
  raw("reserved", kReservedAt, 2);
  raw("unused", kUnusedAt, 4);
  crc(found);
  keep(std::move(found));
}

// A right CRC follows from the rest of its file: two right ones differ with it, and that
// would say nothing.
void Comparison::crc(Findings& found) const {
  if (out_.crc_a.stored == out_.crc_b.stored) return;
  if (out_.crc_a.matches && out_.crc_b.matches) return;
  const auto text = [](const CrcState& state) {
    return std::to_string(state.stored) + (state.matches ? "" : " (wrong)");
  };
  found.add({.field = "crc", .a = text(out_.crc_a), .b = text(out_.crc_b)});
}

void Comparison::layout() {
  const bool measured_order_differs = common_order(a_, b_, true) != common_order(b_, a_, true);
  Findings found = findings("layout", measured_order_differs ? Registers{0, 1} : Registers{});
  if (common_order(a_, b_, false) != common_order(b_, a_, false)) {
    found.add({.field = "order", .a = order_text(a_), .b = order_text(b_)});
  }
  compare_gaps(found);
  keep(std::move(found));
}

void Comparison::compare_gaps(Findings& found) const {
  const std::vector<ByteView> a = gaps(a_);
  const std::vector<ByteView> b = gaps(b_);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const auto at = diff::first_difference(a[i], b[i]);
    if (!at) continue;
    found.add_unmeasured({.item = "before section " + std::to_string(i),
                          .field = "gap",
                          .a = size_text(a[i].size()),
                          .b = size_text(b[i].size()),
                          .offset = at});
  }
}

void Comparison::section(std::string name, Registers covering, ByteView a, ByteView b,
                         Compare compare) {
  const auto at = diff::first_difference(a, b);
  if (!at) return;
  Findings found = findings(std::move(name), std::move(covering));
  compare(a, b, found);
  // Nothing that has a name differs: spelling, padding, what a parser passes over.
  if (found.empty()) diff::compare_bytes({}, a, b, found);
  keep(std::move(found));
}

void Comparison::optional_section(std::string name, Registers covering, std::optional<ByteView> a,
                                  std::optional<ByteView> b, Compare compare) {
  if (a && b) return section(std::move(name), std::move(covering), *a, *b, compare);
  if (!a && !b) return;
  Findings found = findings(std::move(name), std::move(covering));
  Difference whole{.field = "section"};
  if (a) whole.a = size_text(a->size());
  if (b) whole.b = size_text(b->size());
  found.add(std::move(whole));
  keep(std::move(found));
}

void Comparison::ramdisks() {
  for (const Pair pair : match_ramdisks(a_.ramdisks(), b_.ramdisks())) ramdisk(pair);
}

void Comparison::ramdisk(Pair pair) {
  const std::size_t place = pair.b.value_or(pair.a.value_or(0));
  const std::string name = "ramdisk" + std::to_string(place);
  const auto content = [](const Image& image, std::optional<std::size_t> index) {
    return index ? std::optional(image.ramdisks()[*index]) : std::nullopt;
  };
  if (!pair.a || !pair.b || *pair.a == *pair.b) {
    return optional_section(name, covering_ramdisk(place), content(a_, pair.a), content(b_, pair.b),
                            diff::compare_ramdisks);
  }
  Findings found = findings(name, {0, 1, 2});
  found.add({.field = "position", .a = "ramdisk" + std::to_string(*pair.a), .b = name});
  const ByteView a = a_.ramdisks()[*pair.a];
  const ByteView b = b_.ramdisks()[*pair.b];
  if (diff::first_difference(a, b)) diff::compare_ramdisks(a, b, found);
  keep(std::move(found));
}

}  // namespace

std::uint64_t ImageDiff::count() const noexcept {
  std::uint64_t out = 0;
  for (const SectionDiff& section : sections) out += section.count;
  return out;
}

bool ImageDiff::moved_unseen() const noexcept {
  const auto same_content = [](const RegisterDiff& one) { return one.index == 8 || one.equal(); };
  return std::ranges::all_of(registers, same_content) &&
         std::ranges::any_of(sections, &SectionDiff::measured);
}

Result<ImageDiff> compare_images(const Image& a, const Image& b, std::size_t limit) {
  return Comparison(a, b, limit).run();
}

}  // namespace cofferdam::eif
