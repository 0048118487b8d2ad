// SPDX-License-Identifier: Apache-2.0
// Each field of an image changed once: exactly that difference, and exactly its registers.
#include "eif/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "bytes/cpio.h"
#include "eif/diff_report.h"
#include "eif/test_image.h"

namespace cofferdam::eif {
namespace {

using cpio::Entry;
using test::Part;
using testing::ElementsAre;
using testing::HasSubstr;
using Registers = std::vector<std::uint8_t>;

constexpr std::string_view kMetadata = R"({"ImageName":"small","BuildMetadata":{"BuildTime":"x"}})";
const Registers kNone;
const Registers kBoot{0, 1};
const Registers kApplication{0, 2};

std::vector<Entry> small_tree() {
  return {{.path = "dev", .mode = cpio::kDirectory | 0755},
          {.path = "dev/null",
           .mode = cpio::kCharacterDevice | 0666,
           .device_major = 1,
           .device_minor = 3},
          {.path = "etc/motd",
           .mode = cpio::kRegularFile | 0644,
           .content = as_bytes("one\ntwo\nthree\n")},
          {.path = "bin/app",
           .mode = cpio::kRegularFile | 0755,
           .content = as_bytes(std::string_view("\x7f"
                                                "ELF\0code",
                                                9))},
          {.path = "bin/sh", .mode = cpio::kSymlink | 0777, .content = as_bytes("app")}};
}

// An image whose second ramdisk is this archive.
struct Sample {
  Bytes archive;
  std::vector<Part> parts() const {
    return {{SectionType::kernel, "kernel"},
            {SectionType::cmdline, "reboot=k panic=30 quiet"},
            {SectionType::metadata, kMetadata},
            {SectionType::ramdisk, "not an archive"},
            {SectionType::ramdisk, as_text(archive)}};
  }
};

Sample sample(const std::vector<Entry>& tree) { return {cpio::make_cpio(tree).value()}; }

const Sample& sample() {
  static const Sample out = sample(small_tree());
  return out;
}

ImageDiff compare(const Bytes& a, const Bytes& b, std::size_t limit = 20) {
  return compare_images(Image::parse(a).value(), Image::parse(b).value(), limit).value();
}

ImageDiff compare(const std::vector<Part>& a, const std::vector<Part>& b) {
  return compare(test::assemble(a), test::assemble(b));
}

Registers moved(const ImageDiff& diff) {
  Registers out;
  for (const RegisterDiff& one : diff.registers) {
    if (!one.equal()) out.push_back(one.index);
  }
  return out;
}

// Exactly one difference, in this section, of this field, and these registers.
void expect_one(const ImageDiff& diff, std::string_view section, std::string_view field,
                const Registers& registers) {
  ASSERT_EQ(diff.sections.size(), 1U) << diff_text(diff, {"a", "b"});
  EXPECT_EQ(diff.sections[0].section, section);
  ASSERT_EQ(diff.sections[0].count, 1U) << diff_text(diff, {"a", "b"});
  const Difference& only = diff.sections[0].differences.at(0);
  EXPECT_EQ(only.field, field);
  EXPECT_EQ(only.registers, registers);
  EXPECT_EQ(moved(diff), registers);
  EXPECT_FALSE(diff.equal());
}

const Difference& only(const ImageDiff& diff) { return diff.sections.at(0).differences.at(0); }

// The sample with one entry of its second ramdisk changed.
ImageDiff with_entry(std::size_t index, const std::function<void(Entry&)>& change) {
  std::vector<Entry> tree = small_tree();
  change(tree.at(index));
  return compare(sample().parts(), sample(tree).parts());
}

constexpr std::size_t kMotd = 2;

TEST(ImageDiffTest, AnImageDoesNotDifferFromItself) {
  const ImageDiff diff = compare(sample().parts(), sample().parts());
  EXPECT_TRUE(diff.equal());
  EXPECT_EQ(moved(diff), kNone);
  EXPECT_THAT(diff_text(diff, {"a", "b"}), HasSubstr("the same, byte for byte"));
}

TEST(ImageDiffTest, HeaderFieldsMoveNothing) {
  const Bytes image = test::assemble(sample().parts());
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = image;
    changed[at] = value;
    test::fix_crc(changed);
    return compare(image, changed);
  };
  expect_one(with(test::kFlagsAt + 1, 1), "header", "arch", kNone);
  expect_one(with(8, 1), "header", "defaultMemory", kNone);
  expect_one(with(0x10, 1), "header", "defaultCpus", kNone);
  expect_one(with(0x18, 1), "header", "reserved", kNone);
  expect_one(with(0x21c, 1), "header", "unused", kNone);
}

TEST(ImageDiffTest, AWrongCrcIsADifferenceAndARightOneIsNot) {
  const Bytes image = test::assemble(sample().parts());
  Bytes damaged = image;
  damaged[kCrcOffset] ^= 1;
  const ImageDiff diff = compare(image, damaged);
  expect_one(diff, "header", "crc", kNone);
  EXPECT_THAT(only(diff).b.value(), HasSubstr("wrong"));
}

TEST(ImageDiffTest, TheVersionIsNamed) {
  std::vector<Part> parts = sample().parts();
  std::erase_if(parts, [](const Part& part) { return part.type == SectionType::metadata; });
  const Bytes two = test::assemble(parts, 2);
  const Bytes three = test::assemble(parts, 3);
  expect_one(compare(two, three), "header", "version", kNone);
}

TEST(ImageDiffTest, AKernelMovesPcr0And1) {
  std::vector<Part> parts = sample().parts();
  parts[0].data = "kernfl";
  const ImageDiff diff = compare(sample().parts(), parts);
  expect_one(diff, "kernel", "content", kBoot);
  EXPECT_EQ(only(diff).offset, 4U);
}

TEST(ImageDiffTest, TheVersionOfAKernelIsRead) {
  const auto with = [](std::string_view kernel) {
    std::vector<Part> parts = sample().parts();
    parts[0].data = kernel;
    return parts;
  };
  const std::string one = std::string("\0\0Linux version 6.6.79 (x)\n", 27);
  const std::string other = std::string("\0\0Linux version 6.6.80 (x)\n", 27);
  const auto a = with(one);
  const auto b = with(other);
  const Bytes left = test::assemble(a);
  const Bytes right = test::assemble(b);
  const ImageDiff diff = compare(left, right);
  ASSERT_EQ(diff.sections.size(), 1U);
  ASSERT_EQ(diff.sections[0].count, 2U);
  EXPECT_EQ(only(diff).field, "version");
  EXPECT_EQ(only(diff).a, "Linux version 6.6.79 (x)");
  EXPECT_EQ(diff.sections[0].differences[1].field, "content");
}

TEST(ImageDiffTest, ACommandLineIsComparedWordByWord) {
  const auto with = [](std::string_view cmdline) {
    std::vector<Part> parts = sample().parts();
    parts[1].data = cmdline;
    return compare(sample().parts(), parts);
  };
  const ImageDiff changed = with("reboot=k panic=10 quiet");
  expect_one(changed, "cmdline", "word", kBoot);
  EXPECT_EQ(only(changed).item, "word 2");
  EXPECT_EQ(only(changed).a, "panic=30");
  EXPECT_EQ(only(changed).b, "panic=10");
  const ImageDiff added = with("reboot=k panic=30 debug quiet");
  expect_one(added, "cmdline", "word", kBoot);
  EXPECT_EQ(only(added).a, std::nullopt);
  EXPECT_EQ(only(added).b, "debug");
  expect_one(with("reboot=k panic=30 quiet "), "cmdline", "size", kBoot);
}

TEST(ImageDiffTest, MetadataIsComparedMemberByMemberAndIsNotMeasured) {
  const auto with = [](std::string_view metadata) {
    std::vector<Part> parts = sample().parts();
    parts[2].data = metadata;
    return compare(sample().parts(), parts);
  };
  const ImageDiff time = with(R"({"ImageName":"small","BuildMetadata":{"BuildTime":"y"}})");
  expect_one(time, "metadata", "member", kNone);
  EXPECT_EQ(only(time).item, "BuildMetadata.BuildTime");
  EXPECT_FALSE(time.sections[0].measured);
  expect_one(with(R"({"ImageName":"small","BuildMetadata":{"BuildTime":"x"}} )"), "metadata",
             "size", kNone);
  expect_one(with(R"({"BuildMetadata":{"BuildTime":"x"},"ImageName":"small"})"), "metadata",
             "content", kNone);
}

TEST(ImageDiffTest, EachFieldOfAFileIsNamed) {
  expect_one(with_entry(kMotd, [](Entry& e) { e.mode = cpio::kRegularFile | 0600; }), "ramdisk1",
             "mode", kApplication);
  expect_one(with_entry(kMotd, [](Entry& e) { e.uid = 7; }), "ramdisk1", "uid", kApplication);
  expect_one(with_entry(kMotd, [](Entry& e) { e.gid = 7; }), "ramdisk1", "gid", kApplication);
  expect_one(with_entry(kMotd, [](Entry& e) { e.mtime = 7; }), "ramdisk1", "mtime", kApplication);
  expect_one(with_entry(1, [](Entry& e) { e.device_minor = 5; }), "ramdisk1", "device",
             kApplication);
  expect_one(with_entry(1, [](Entry& e) { e.mode = cpio::kBlockDevice | 0666; }), "ramdisk1",
             "type", kApplication);
  expect_one(with_entry(4, [](Entry& e) { e.content = as_bytes("apq"); }), "ramdisk1", "target",
             kApplication);
}

TEST(ImageDiffTest, ATextFileIsShownByItsLine) {
  const ImageDiff diff = with_entry(kMotd, [](Entry& e) {
    e.content = as_bytes(
        "one\nt\x1b"
        "o\nthree\n");
  });
  expect_one(diff, "ramdisk1", "content", kApplication);
  EXPECT_EQ(only(diff).item, "etc/motd");
  EXPECT_EQ(only(diff).line, 2U);
  EXPECT_EQ(only(diff).offset, 5U);
  EXPECT_EQ(only(diff).a, "two");
  EXPECT_EQ(only(diff).b, "t\\x1bo");
}

TEST(ImageDiffTest, ABinaryFileIsShownByItsFirstByte) {
  const ImageDiff diff = with_entry(3, [](Entry& e) {
    e.content =
        as_bytes(std::string_view("\x7f"
                                  "ELF\0coda",
                                  9));
  });
  expect_one(diff, "ramdisk1", "content", kApplication);
  EXPECT_EQ(only(diff).offset, 8U);
  EXPECT_EQ(only(diff).line, std::nullopt);
  EXPECT_EQ(only(diff).a, "65");
}

TEST(ImageDiffTest, AFileThatGrewAtItsEndDiffersInSize) {
  const ImageDiff diff = with_entry(3, [](Entry& e) {
    e.content =
        as_bytes(std::string_view("\x7f"
                                  "ELF\0codes",
                                  10));
  });
  expect_one(diff, "ramdisk1", "size", kApplication);
}

TEST(ImageDiffTest, FilesAddedRemovedAndReordered) {
  std::vector<Entry> tree = small_tree();
  tree.push_back({.path = "new", .mode = cpio::kRegularFile | 0644, .content = as_bytes("x")});
  const ImageDiff added = compare(sample().parts(), sample(tree).parts());
  expect_one(added, "ramdisk1", "file", kApplication);
  EXPECT_EQ(only(added).item, "new");
  EXPECT_EQ(only(added).b, "file, 1 bytes");
  const ImageDiff removed = compare(sample(tree).parts(), sample().parts());
  EXPECT_EQ(only(removed).b, std::nullopt);

  std::vector<Entry> swapped = small_tree();
  std::swap(swapped[2], swapped[3]);
  const ImageDiff order = compare(sample().parts(), sample(swapped).parts());
  expect_one(order, "ramdisk1", "order", kApplication);
  EXPECT_EQ(only(order).item, "file 3");
}

TEST(ImageDiffTest, InodesLinksAndPaddingCountAlthoughTheyMeanNothing) {
  constexpr std::size_t kInodeDigit = 6 + 7;  // The last digit of the first entry's inode.
  constexpr std::size_t kLinksDigit = 6 + 4 * 8 + 7;
  const auto flip = [](std::size_t at) {
    const Sample& original = sample();
    Sample changed = sample();
    changed.archive.at(at) ^= 1;
    return compare(original.parts(), changed.parts());
  };
  expect_one(flip(kInodeDigit), "ramdisk1", "inode", kApplication);
  expect_one(flip(kLinksDigit), "ramdisk1", "links", kApplication);
  const ImageDiff padding = flip(sample().archive.size() - 1);
  EXPECT_EQ(padding.sections.at(0).count, 1U);
  EXPECT_THAT(padding.sections.at(0).note, testing::Not(testing::IsEmpty()));
  EXPECT_EQ(moved(padding), kApplication);
}

TEST(ImageDiffTest, APathTwiceIsTwoFiles) {
  std::vector<Entry> tree = small_tree();
  tree.push_back(tree[kMotd]);
  std::vector<Entry> changed = tree;
  changed.back().uid = 5;
  expect_one(compare(sample(tree).parts(), sample(changed).parts()), "ramdisk1", "uid",
             kApplication);
}

TEST(ImageDiffTest, ACompressedRamdiskIsComparedAsBytesAndSaidSo) {
  std::vector<Part> a = sample().parts();
  a[3].data = "\x1f\x8b packed";
  std::vector<Part> b = a;
  b[3].data = "\x1f\x8b pecked";
  const ImageDiff diff = compare(a, b);
  expect_one(diff, "ramdisk0", "content", kBoot);
  EXPECT_THAT(diff.sections[0].note, HasSubstr("gzip"));
}

TEST(ImageDiffTest, RamdisksAddedRemovedAndMoved) {
  const Sample& tree = sample();
  const std::vector<Part> two = tree.parts();
  std::vector<Part> three = two;
  three.push_back({SectionType::ramdisk, "third"});
  const ImageDiff added = compare(two, three);
  expect_one(added, "ramdisk2", "section", kApplication);
  EXPECT_EQ(only(added).a, std::nullopt);
  std::vector<Part> swapped = two;
  std::swap(swapped[3], swapped[4]);
  const ImageDiff order = compare(two, swapped);
  ASSERT_EQ(order.sections.size(), 2U);
  EXPECT_EQ(only(order).field, "position");
  EXPECT_EQ(moved(order), (Registers{0, 1, 2}));
}

TEST(ImageDiffTest, GapsAndTheOrderOfSectionsAreLayout) {
  std::vector<Part> gap = sample().parts();
  gap[1].gap = 8;
  expect_one(compare(sample().parts(), gap), "layout", "gap", kNone);
  std::vector<Part> order = sample().parts();
  std::swap(order[2], order[3]);  // Metadata behind the first ramdisk: not measured.
  expect_one(compare(sample().parts(), order), "layout", "order", kNone);
  std::vector<Part> measured = sample().parts();
  std::swap(measured[0], measured[1]);  // The command line first.
  expect_one(compare(sample().parts(), measured), "layout", "order", kBoot);
}

TEST(ImageDiffTest, BytesThatMovedBetweenSectionsAreSeenAlthoughNoRegisterIs) {
  std::vector<Part> parts = sample().parts();
  parts[0].data = "kernelreb";
  parts[1].data = "oot=k panic=30 quiet";
  const ImageDiff diff = compare(sample().parts(), parts);
  EXPECT_EQ(moved(diff), kNone);
  EXPECT_TRUE(diff.moved_unseen());
  EXPECT_THAT(diff_text(diff, {"a", "b"}), HasSubstr("Careful"));
}

TEST(ImageDiffTest, ASignatureMovesPcr8Alone) {
  const Signer signer = test::make_signer(crypto::Curve::p384);
  const Sample& tree = sample();
  const Bytes plain = test::assemble(tree.parts());
  const Bytes signed_once = test::signed_by(signer, tree.parts());
  expect_one(compare(plain, signed_once), "signature", "section", {8});
  // ECDSA makes another signature each time.
  expect_one(compare(signed_once, test::signed_by(signer, tree.parts())), "signature", "signature",
             kNone);
}

TEST(ImageDiffTest, AnotherSignerIsNamedByItsCertificate) {
  const Sample& tree = sample();
  const Bytes a = test::signed_by(test::make_signer(crypto::Curve::p384), tree.parts());
  const Bytes b = test::signed_by(test::make_signer(crypto::Curve::p256), tree.parts());
  const ImageDiff diff = compare(a, b);
  ASSERT_EQ(diff.sections.size(), 1U);
  std::vector<std::string_view> fields;
  for (const Difference& one : diff.sections[0].differences) fields.push_back(one.field);
  EXPECT_THAT(fields, ElementsAre("certificate", "algorithm", "signature"));
  EXPECT_EQ(only(diff).registers, Registers{8});
  EXPECT_THAT(only(diff).a.value(), HasSubstr("image signer"));
}

TEST(ImageDiffTest, TheLimitBoundsWhatIsKeptAndNotTheCount) {
  std::vector<Entry> tree = small_tree();
  for (Entry& entry : tree) entry.uid = 9;
  const Bytes a = test::assemble(sample().parts());
  const Sample changed = sample(tree);
  const ImageDiff diff = compare(a, test::assemble(changed.parts()), /*limit=*/2);
  EXPECT_EQ(diff.sections.at(0).count, tree.size());
  EXPECT_EQ(diff.sections.at(0).differences.size(), 2U);
  EXPECT_THAT(diff_text(diff, {"a", "b"}), HasSubstr("and 3 more"));
}

TEST(ImageDiffTest, TheJsonHasEveryFieldOfItsContract) {
  std::vector<Part> parts = sample().parts();
  parts[1].data = "reboot=k panic=10 quiet";
  const json::object out = diff_json(compare(sample().parts(), parts), {"a.eif", "b.eif"});
  EXPECT_EQ(out.at("equal"), false);
  EXPECT_EQ(out.at("a").at("path"), "a.eif");
  EXPECT_EQ(out.at("b").at("crcMatches"), true);
  EXPECT_EQ(out.at("pcrs").at("PCR0").at("equal"), false);
  EXPECT_EQ(out.at("pcrs").at("PCR8").at("a"), nullptr);
  const json::value& section = out.at("sections").as_array().at(0);
  EXPECT_EQ(section.at("measured"), true);
  EXPECT_EQ(section.at("differences").as_array().at(0),
            parse_json(R"({"item":"word 2","field":"word","a":"panic=30","b":"panic=10",)"
                       R"("pcrs":[0,1]})",
                       4096)
                .value());
}

}  // namespace
}  // namespace cofferdam::eif
