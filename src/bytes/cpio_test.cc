// SPDX-License-Identifier: Apache-2.0
#include "bytes/cpio.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace cofferdam::cpio {
namespace {

Entry file(std::string path, std::string_view content, std::uint32_t permissions = 0644) {
  return {
      .path = std::move(path), .mode = kRegularFile | permissions, .content = as_bytes(content)};
}

std::vector<Entry> samples() {
  return {
      {.path = "dev", .mode = kDirectory | 0755},
      {.path = "dev/null", .mode = kCharacterDevice | 0666, .device_major = 1, .device_minor = 3},
      {.path = "init", .mode = kRegularFile | 0755, .mtime = 7, .content = as_bytes("run")},
      {.path = "sbin", .mode = kSymlink | 0777, .content = as_bytes("usr/sbin")}};
}

Result<std::vector<Entry>> read_all(ByteView archive, Limits limits = {}) {
  Reader reader(archive, limits);
  std::vector<Entry> out;
  while (true) {
    COFFERDAM_TRY(std::optional<Entry> entry, reader.next());
    if (!entry) return out;
    out.push_back(*std::move(entry));
  }
}

// The archive with every occurrence of one text replaced by another of the same length.
Bytes replaced(Bytes archive, std::string_view from, std::string_view to) {
  auto at = archive.begin();
  while ((at = std::search(at, archive.end(), from.begin(), from.end())) != archive.end()) {
    at = std::copy(to.begin(), to.end(), at);
  }
  return archive;
}

TEST(CpioTest, ReadsBackWhatItWrote) {
  const auto entries = samples();
  const Bytes archive = make_cpio(entries).value();
  EXPECT_EQ(archive.size() % 512, 0u);
  EXPECT_EQ(read_all(archive).value(), entries);
}

TEST(CpioTest, WritesTheHeaderOfTheKernelsDocument) {
  const std::vector<Entry> entries{file("a", "hi")};
  const Bytes archive = make_cpio(entries).value();
  EXPECT_EQ(as_text(archive).substr(0, 110),
            "070701"    // magic
            "000002d1"  // inode 721
            "000081a4"  // mode 0100644
            "00000000"  // uid
            "00000000"  // gid
            "00000001"  // links
            "00000000"  // mtime
            "00000002"  // size
            "00000003"  // device
            "00000001"
            "00000000"  // device of a device file
            "00000000"
            "00000002"    // name size
            "00000000");  // check
  EXPECT_EQ(as_text(archive).substr(110, 2), std::string_view("a\0", 2));
  EXPECT_EQ(as_text(archive).substr(112, 4), std::string_view("hi\0\0", 4));
}

TEST(CpioTest, ReadsArchivesThatFollowOneAnother) {
  const std::vector<Entry> first{file("a", "1")};
  const std::vector<Entry> second{file("a", "2")};
  Bytes both = make_cpio(first).value();
  const Bytes tail = make_cpio(second).value();
  both.insert(both.end(), tail.begin(), tail.end());
  const auto entries = read_all(both).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(as_text(entries[1].content), "2");
}

TEST(CpioTest, NormalisesNamesAsFindPrintsThem) {
  const std::vector<Entry> entries{file("xyetc/a", "1")};
  const Bytes archive = replaced(make_cpio(entries).value(), "xyetc", ".//./");
  EXPECT_EQ(read_all(archive).value().at(0).path, "a");
}

TEST(CpioTest, RefusesNamesThatLeaveTheRoot) {
  const Bytes archive = make_cpio(std::vector{file("ab/ef", "x")}).value();
  for (const std::string_view name : {"../ef", "ab/..", "/b/ef", "..///"}) {
    EXPECT_EQ(read_all(replaced(archive, "ab/ef", name)).error().code, Errc::invalid_input) << name;
  }
  EXPECT_FALSE(read_all(replaced(archive, "ab/ef", std::string_view("a\0/ef", 5))).has_value());
}

TEST(CpioTest, WriterRefusesWhatTheReaderWould) {
  const std::string long_name(kMaxPathSize + 1, 'a');
  for (const std::string& name : {std::string("/a"), std::string("a/../b"), std::string("./a"),
                                  std::string("a/"), std::string("TRAILER!!!"), long_name}) {
    EXPECT_FALSE(make_cpio(std::vector{file(name, "x")}).has_value()) << name;
  }
  EXPECT_FALSE(make_cpio(std::vector<Entry>{{.path = "a", .mode = 0644}}).has_value());
  EXPECT_FALSE(make_cpio(std::vector<Entry>{{.path = "a", .mode = kSymlink}}).has_value());
  EXPECT_FALSE(
      make_cpio(std::vector<Entry>{{.path = "a", .mode = kDirectory, .content = as_bytes("x")}})
          .has_value());
}

TEST(CpioTest, EveryTruncationInsideTheArchiveIsRefused) {
  const Bytes archive = make_cpio(samples()).value();
  constexpr std::string_view kTrailer = "TRAILER!!!";
  const auto trailer = std::ranges::search(archive, kTrailer).begin();
  const auto end = static_cast<std::size_t>(trailer - archive.begin()) + kTrailer.size() + 1;
  for (std::size_t size = 1; size < end; ++size) {
    EXPECT_FALSE(read_all(ByteView(archive).first(size)).has_value()) << size;
  }
}

TEST(CpioTest, NoSingleByteMutationIsReadOutOfBounds) {
  const Bytes archive = make_cpio(samples()).value();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < archive.size(); ++i) {
    Bytes mutated = archive;
    mutated[i] ^= 0x55;
    const auto entries = read_all(mutated);
    if (!entries) {
      ++refused;
      EXPECT_EQ(entries.error().code, Errc::invalid_input);
    }
  }
  EXPECT_GT(refused, archive.size() / 2);
}

TEST(CpioTest, EnforcesItsLimits) {
  const Bytes archive = make_cpio(samples()).value();
  EXPECT_TRUE(read_all(archive, {.max_entries = 4}).has_value());
  EXPECT_FALSE(read_all(archive, {.max_entries = 3}).has_value());
  EXPECT_TRUE(read_all(archive, {.max_content_size = 8}).has_value());
  EXPECT_FALSE(read_all(archive, {.max_content_size = 7}).has_value());
}

TEST(CpioTest, BelievesNoSizeBeyondTheArchive) {
  const Bytes archive = make_cpio(std::vector{file("a", "hi")}).value();
  EXPECT_FALSE(read_all(replaced(archive, "00000002000", "ffffffff000")).has_value());
}

TEST(CpioTest, RefusesHardLinksAndCompressedRamdisks) {
  const Bytes archive = make_cpio(std::vector{file("a", "hi")}).value();
  Bytes linked = archive;
  linked[6 + 4 * 8 + 7] = '2';
  EXPECT_FALSE(read_all(linked).has_value());
  const Bytes gzip(200, 0x1f);
  EXPECT_FALSE(read_all(gzip).has_value());
}

}  // namespace
}  // namespace cofferdam::cpio
