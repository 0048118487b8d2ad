// SPDX-License-Identifier: Apache-2.0
#include "eif/ramdisk_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/test_folder.h"
#include "eif/test_image.h"

namespace cofferdam::eif {
namespace {

Bytes image_with(ByteView ramdisk) {
  auto parts = test::small_parts();
  parts.back().data = as_text(ramdisk);
  return test::assemble(parts);
}

const Section& last_section(const Image& image) { return image.sections().back(); }

std::string content_of(const RamdiskReader& reader) {
  std::string out;
  EXPECT_TRUE(reader.content([&out](ByteView piece) -> Status {
    out += as_text(piece);
    return {};
  }));
  return out;
}

// More than one window of names, and content larger than one.
std::vector<cpio::Entry> many_entries(const std::string& large) {
  std::vector<cpio::Entry> out;
  for (int i = 0; i < 2000; ++i) {
    out.push_back({.path = "f" + std::to_string(i), .mode = cpio::kRegularFile | 0644});
    out.back().content = as_bytes("content");
    if (i % 700 == 0) out.back().content = as_bytes(large);
  }
  out.push_back({.path = "link", .mode = cpio::kSymlink | 0777});
  out.back().content = as_bytes("some/where");
  out.push_back({.path = "pipe", .mode = cpio::kFifo | 0600});
  return out;
}

TEST(RamdiskReaderTest, GivesWhatTheArchiveHolds) {
  const std::string large(200'000, 'x');
  const std::vector<cpio::Entry> expected = many_entries(large);
  const TestFolder folder;
  const auto path = folder.write("image.eif", image_with(cpio::make_cpio(expected).value()));
  const Image image = Image::open(path).value();
  RamdiskReader reader(image, last_section(image));
  for (const cpio::Entry& wanted : expected) {
    cpio::Entry entry = reader.next().value().value_or(cpio::Entry());
    EXPECT_EQ(reader.content_size(), wanted.content.size()) << wanted.path;
    if (entry.type() == cpio::kRegularFile) {
      EXPECT_TRUE(entry.content.empty());
      EXPECT_EQ(content_of(reader), as_text(wanted.content)) << wanted.path;
      entry.content = wanted.content;
    }
    EXPECT_EQ(entry, wanted) << wanted.path;
  }
  EXPECT_FALSE(reader.next().value().has_value());
}

TEST(RamdiskReaderTest, RefusesAFileThatWasCutShortMeanwhile) {
  const std::string large(200'000, 'x');
  const TestFolder folder;
  const Bytes bytes = image_with(cpio::make_cpio(many_entries(large)).value());
  const auto path = folder.write("image.eif", bytes);
  const Image image = Image::open(path).value();
  RamdiskReader reader(image, last_section(image));
  ASSERT_TRUE(reader.next().value().has_value());
  std::filesystem::resize_file(path, 100);
  EXPECT_EQ(reader.content([](ByteView) -> Status { return {}; }).error().code, Errc::unavailable);
  Result<std::optional<cpio::Entry>> entry = reader.next();
  while (entry && *entry) entry = reader.next();
  ASSERT_FALSE(entry.has_value());
  EXPECT_EQ(entry.error().code, Errc::unavailable);
  EXPECT_EQ(image.measure().error().code, Errc::unavailable);
  EXPECT_EQ(image.cmdline(), "console=ttyS0");  // A copy.
}

}  // namespace
}  // namespace cofferdam::eif
