// SPDX-License-Identifier: Apache-2.0
#include "eif/reader.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/test_folder.h"
#include "eif/test_image.h"

namespace cofferdam::eif {
namespace {

using test::assemble;
using test::Part;
using test::small_parts;

// The code and reason every structural refusal has.
void expect_malformed(const Bytes& bytes, std::string_view what) {
  const auto image = Image::parse(bytes);
  ASSERT_FALSE(image.has_value()) << what;
  EXPECT_EQ(image.error().code, Errc::invalid_input) << what;
}

TEST(ImageTest, GivesItsSectionsAsViewsOfTheFile) {
  const Bytes bytes = assemble(small_parts());
  const Image image = Image::parse(bytes).value();
  EXPECT_EQ(as_text(image.kernel()), "kernel");
  EXPECT_EQ(image.cmdline(), "console=ttyS0");
  EXPECT_EQ(as_text(image.metadata().value()), R"({"ImageName":"small"})");
  ASSERT_EQ(image.ramdisks().size(), 2u);
  EXPECT_EQ(as_text(image.ramdisks()[1]), "application ramdisk");
  EXPECT_FALSE(image.signature().has_value());
  EXPECT_EQ(image.kernel().data(), bytes.data() + kHeaderSize + kSectionHeaderSize);
}

TEST(ImageTest, MeasuresContentWithoutLengths) {
  const Bytes bytes = assemble(small_parts());
  const Measurements measured = Image::parse(bytes).value().measure().value();
  EXPECT_EQ(measured.pcr0,
            measure_bytes(as_bytes("kernelconsole=ttyS0boot ramdiskapplication ramdisk")));
  EXPECT_EQ(measured.pcr1, measure_bytes(as_bytes("kernelconsole=ttyS0boot ramdisk")));
  EXPECT_EQ(measured.pcr2, measure_bytes(as_bytes("application ramdisk")));
  EXPECT_FALSE(measured.pcr8.has_value());
}

TEST(ImageTest, MeasuresACommandLineAfterAllRamdisks) {
  const Bytes bytes = assemble({{SectionType::kernel, "K"},
                                {SectionType::ramdisk, "1"},
                                {SectionType::ramdisk, "2"},
                                {SectionType::metadata, "{}"},
                                {SectionType::cmdline, "C"}});
  const Measurements measured = Image::parse(bytes).value().measure().value();
  EXPECT_EQ(measured.pcr0, measure_bytes(as_bytes("K12C")));
  EXPECT_EQ(measured.pcr1, measure_bytes(as_bytes("K1C")));
  EXPECT_EQ(measured.pcr2, measure_bytes(as_bytes("2")));
}

TEST(ImageTest, MeasuresSectionsLargerThanOnePieceAlike) {
  const std::string kernel(3'000'001, 'k');
  const std::string boot(1'048'576, 'b');
  const std::string application(2'500'003, 'a');
  const Bytes bytes = assemble({{SectionType::kernel, kernel},
                                {SectionType::cmdline, "c"},
                                {SectionType::metadata, "{}"},
                                {SectionType::ramdisk, boot},
                                {SectionType::ramdisk, application}});
  const Measurements measured = Image::parse(bytes).value().measure().value();
  EXPECT_EQ(measured.pcr0, measure_bytes(as_bytes(kernel + "c" + boot + application)));
  EXPECT_EQ(measured.pcr1, measure_bytes(as_bytes(kernel + "c" + boot)));
  EXPECT_EQ(measured.pcr2, measure_bytes(as_bytes(application)));
}

TEST(ImageTest, AllowsGapsThatTheCrcCovers) {
  std::vector<Part> parts = small_parts();
  const Bytes plain = assemble(parts);
  parts[0].gap = 64;
  parts[3].gap = 5;
  const Bytes gaps = assemble(parts);
  EXPECT_EQ(gaps.size(), plain.size() + 69);
  EXPECT_EQ(Image::parse(gaps).value().measure().value(),
            Image::parse(plain).value().measure().value());
  Bytes changed = gaps;
  changed[kHeaderSize + 3] ^= 1;
  EXPECT_EQ(Image::parse(changed).value().measure().error().reason, "bad_crc");
}

TEST(ImageTest, EveryTruncationIsRefused) {
  const Bytes bytes = assemble(small_parts());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    expect_malformed({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)},
                     std::to_string(size));
  }
}

TEST(ImageTest, EverySingleByteMutationIsRefusedByStructureOrCrc) {
  const Bytes bytes = assemble(small_parts());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const std::uint8_t flip : std::array<std::uint8_t, 3>{0x01, 0x80, 0xff}) {
      Bytes mutated = bytes;
      mutated[i] ^= flip;
      const auto image = Image::parse(mutated);
      if (!image) continue;
      EXPECT_EQ(image->measure().error().reason, "bad_crc") << i;
    }
  }
}

TEST(ImageTest, RefusesTrailingBytes) {
  Bytes bytes = assemble(small_parts());
  bytes.push_back(0);
  test::fix_crc(bytes);
  expect_malformed(bytes, "one byte more");
}

TEST(ImageTest, RefusesVersionsOtherThanTwoToFour) {
  for (const std::uint16_t version : std::array<std::uint16_t, 4>{0, 1, 5, 0x0400}) {
    expect_malformed(assemble(small_parts(), version), std::to_string(version));
  }
}

TEST(ImageTest, RefusesSectionsTheVersionDoesNotHave) {
  std::vector<Part> bare = small_parts();
  bare.erase(bare.begin() + 2);
  EXPECT_TRUE(Image::parse(assemble(bare, 2)).has_value());
  EXPECT_TRUE(Image::parse(assemble(bare, 3)).has_value());
  expect_malformed(assemble(bare, 4), "version 4 without metadata");
  expect_malformed(assemble(small_parts(), 3), "version 3 with metadata");
  bare.push_back({SectionType::signature, "x"});
  EXPECT_TRUE(Image::parse(assemble(bare, 3)).has_value());
  expect_malformed(assemble(bare, 2), "version 2 with a signature");
}

TEST(ImageTest, RefusesWrongNumbersOfSections) {
  for (const SectionType type :
       {SectionType::kernel, SectionType::cmdline, SectionType::metadata}) {
    std::vector<Part> twice = small_parts();
    twice.push_back({type, "again"});
    expect_malformed(assemble(twice), "twice");
    std::vector<Part> never = small_parts();
    std::erase_if(never, [type](const Part& part) { return part.type == type; });
    expect_malformed(assemble(never), "never");
  }
  std::vector<Part> no_ramdisk = small_parts();
  no_ramdisk.resize(3);
  expect_malformed(assemble(no_ramdisk), "no ramdisk");
  std::vector<Part> two_signatures = small_parts();
  two_signatures.insert(two_signatures.end(), 2, {SectionType::signature, "x"});
  expect_malformed(assemble(two_signatures), "two signatures");
}

TEST(ImageTest, RefusesARamdiskBeforeTheKernel) {
  std::vector<Part> parts = small_parts();
  std::swap(parts[0], parts[3]);
  expect_malformed(assemble(parts), "ramdisk first");
}

TEST(ImageTest, RefusesASignatureAboveItsLimit) {
  const std::string limit(kMaxSignatureSize, 's');
  std::vector<Part> parts = small_parts();
  parts.push_back({SectionType::signature, limit});
  EXPECT_TRUE(Image::parse(assemble(parts)).has_value());
  const std::string above = limit + "s";
  parts.back().data = above;
  expect_malformed(assemble(parts), "too large");
}

TEST(ImageTest, TakesThirtyTwoSections) {
  std::vector<Part> parts = small_parts();
  parts.resize(kMaxSections, {SectionType::ramdisk, "r"});
  const Bytes bytes = assemble(parts);
  EXPECT_EQ(Image::parse(bytes).value().ramdisks().size(), 29u);
  Bytes more = bytes;
  test::put_u16(more, test::kCountAt, 33);
  expect_malformed(more, "33 sections");
}

TEST(ImageTest, RefusesATableThatLies) {
  const Bytes bytes = assemble(small_parts());
  const auto spoiled = [&bytes](std::size_t at, std::uint64_t value) {
    Bytes out = bytes;
    test::put_u64(out, at, value);
    test::fix_crc(out);
    return out;
  };
  const std::size_t last_offset = test::kOffsetsAt + 8 * 4;
  const std::size_t last_size = test::kSizesAt + 8 * 4;
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{kHeaderSize}, std::uint64_t{bytes.size()},
        std::uint64_t{bytes.size() - 1}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    expect_malformed(spoiled(last_offset, value), "offset " + std::to_string(value));
  }
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{18}, std::uint64_t{20},
                                    std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    expect_malformed(spoiled(last_size, value), "size " + std::to_string(value));
  }
  expect_malformed(spoiled(test::kOffsetsAt + 8 * 5, 1), "an offset beyond the count");
  expect_malformed(spoiled(test::kSizesAt + 8 * 31, 1), "a size beyond the count");
}

TEST(ImageTest, RefusesSizesThatAgreeButExceedTheFile) {
  Bytes bytes = assemble(small_parts());
  for (const std::uint64_t size : {std::uint64_t{20}, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    test::put_u64(bytes, test::kSizesAt + 8 * 4, size);
    test::put_u64(bytes, bytes.size() - 19 - 8, size);
    expect_malformed(bytes, std::to_string(size));
  }
}

TEST(ImageTest, RefusesUnknownTypesAndFlags) {
  const Bytes bytes = assemble(small_parts());
  const std::size_t last = bytes.size() - 19 - kSectionHeaderSize;
  for (const std::uint16_t type : std::array<std::uint16_t, 4>{0, 6, 0x0300, 0xffff}) {
    Bytes out = bytes;
    test::put_u16(out, last, type);
    expect_malformed(out, "type");
  }
  Bytes section_flag = bytes;
  test::put_u16(section_flag, last + 2, 1);
  expect_malformed(section_flag, "section flag");
  Bytes header_flag = bytes;
  test::put_u16(header_flag, test::kFlagsAt, 2);
  expect_malformed(header_flag, "header flag");
}

TEST(ImageTest, ArchitectureIsTheFirstFlag) {
  Bytes bytes = assemble(small_parts());
  EXPECT_EQ(Image::parse(bytes).value().header().arch, Arch::x86_64);
  test::put_u16(bytes, test::kFlagsAt, 1);
  EXPECT_EQ(Image::parse(bytes).value().header().arch, Arch::aarch64);
}

TEST(ImageTest, OpensFilesAndSaysWhyNot) {
  const TestFolder folder;
  const auto path = folder.write("image.eif", assemble(small_parts()));
  EXPECT_TRUE(Image::open(path).value().measure().has_value());
  EXPECT_EQ(Image::open(folder.path("absent")).error().code, Errc::not_found);
  EXPECT_EQ(Image::open(folder.path(".")).error().code, Errc::unavailable);
  EXPECT_EQ(Image::open(folder.write("empty", {})).error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace cofferdam::eif
