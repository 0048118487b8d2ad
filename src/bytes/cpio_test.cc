// SPDX-License-Identifier: Apache-2.0
#include "bytes/cpio.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"

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

TEST(CpioTest, RefusesCompressedRamdisks) { EXPECT_FALSE(read_all(Bytes(200, 0x1f)).has_value()); }

Entry another_name(std::string path, std::string first, std::string_view content = "") {
  Entry out = file(std::move(path), content);
  out.hard_link = std::move(first);
  return out;
}

TEST(CpioTest, ReadsAndWritesHardLinks) {
  for (const auto& [first, last] :
       {std::pair("text", ""), std::pair("", "text"), std::pair("", "")}) {
    const std::vector entries{file("a", first), file("b", "other"), another_name("c", "a"),
                              another_name("d/e", "a", last)};
    const Bytes archive = make_cpio(entries).value();
    EXPECT_EQ(read_all(archive).value(), entries);
    EXPECT_FALSE(std::ranges::search(archive, std::string_view("00000003")).empty());
  }
}

TEST(CpioTest, NamesOfOneFileAgree) {
  const Entry first = file("a", "text");
  Entry other = another_name("b", "a");
  other.uid = 1;
  EXPECT_FALSE(make_cpio(std::vector{first, other}).has_value());
  EXPECT_FALSE(make_cpio(std::vector{first, another_name("b", "a", "more")}).has_value());
  EXPECT_FALSE(make_cpio(std::vector{another_name("b", "a"), first}).has_value());
  EXPECT_FALSE(make_cpio(std::vector{first, another_name("b", "a"), first}).has_value());
  EXPECT_FALSE(make_cpio(std::vector{first, another_name("a", "a"), first}).has_value());

  const Bytes archive = make_cpio(std::vector{first, another_name("b", "a")}).value();
  ASSERT_TRUE(read_all(archive).has_value());
  EXPECT_FALSE(read_all(replaced(archive, std::string_view("b\0", 2), std::string_view("a\0", 2)))
                   .has_value());
  // The mode of the second name alone.
  const auto second =
      std::ranges::search(archive, std::string_view("b\0", 2)).begin() - archive.begin();
  Bytes changed = archive;
  changed[static_cast<std::size_t>(second) - 110 + 6 + 8 + 7] ^= 1;
  EXPECT_FALSE(read_all(changed).has_value());
}

TEST(CpioTest, LinksEndWithTheirArchive) {
  Bytes both = make_cpio(std::vector{file("a", "1"), another_name("b", "a")}).value();
  const Bytes tail = make_cpio(std::vector{file("a", "2"), another_name("c", "a")}).value();
  both.insert(both.end(), tail.begin(), tail.end());
  const auto entries = read_all(both).value();
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_TRUE(entries[2].hard_link.empty());
  EXPECT_EQ(entries[3].hard_link, "a");
}

TEST(CpioTest, ASymbolicLinkWithTwoNamesIsTwo) {
  const Bytes archive =
      make_cpio(
          std::vector<Entry>{{.path = "a", .mode = kSymlink | 0777, .content = as_bytes("x")},
                             {.path = "b", .mode = kSymlink | 0777, .content = as_bytes("x")}})
          .value();
  Bytes linked = archive;
  for (const char* inode : {"000002d1", "000002d2"}) {
    const std::string single = std::string(inode) + "0000a1ff000000000000000000000001";
    linked = replaced(linked, single, "000002d10000a1ff000000000000000000000002");
  }
  EXPECT_NE(linked, archive);
  EXPECT_EQ(read_all(linked).value(), read_all(archive).value());
}

// What collects an archive.
ByteSink into(Bytes& out) {
  return [&out](ByteView piece) -> Status {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  };
}

TEST(CpioWriterTest, WritesInPiecesWhatIsWrittenAtOnce) {
  Bytes archive;
  Writer writer(into(archive));
  const std::vector<Entry> entries = samples();
  std::uint64_t size = 0;
  for (const Entry& entry : entries) {
    const Header header{.name = entry.path,
                        .mode = entry.mode,
                        .links = entry.type() == kDirectory ? 2u : 1u,
                        .mtime = entry.mtime,
                        .size = static_cast<std::uint32_t>(entry.content.size()),
                        .device_major = entry.device_major,
                        .device_minor = entry.device_minor};
    EXPECT_TRUE(writer.begin(header).has_value());
    for (const std::uint8_t& byte : entry.content) EXPECT_TRUE(writer.content({&byte, 1}));
    size += Writer::entry_size(entry.path.size(), entry.content.size());
    EXPECT_EQ(archive.size(), size);
  }
  EXPECT_TRUE(writer.finish().has_value());
  EXPECT_EQ(archive, make_cpio(entries).value());
  EXPECT_EQ(archive.size(), Writer::archive_size(size));
}

TEST(CpioWriterTest, CountsInodesUnlessTold) {
  Bytes archive;
  Writer writer(into(archive));
  EXPECT_EQ(writer.begin({.name = "a", .mode = kRegularFile, .links = 2}).value(), 721u);
  EXPECT_EQ(writer.begin({.name = "b", .mode = kRegularFile}).value(), 722u);
  EXPECT_EQ(writer.begin({.name = "c", .inode = 721, .mode = kRegularFile, .links = 2}).value(),
            721u);
  EXPECT_EQ(writer.begin({.name = "d", .mode = kRegularFile}).value(), 723u);
  EXPECT_TRUE(writer.finish().has_value());
  EXPECT_EQ(read_all(archive).value().at(2).hard_link, "a");
}

TEST(CpioWriterTest, RefusesWhatTheReaderWould) {
  Bytes archive;
  Writer writer(into(archive));
  for (const std::string_view name : {"", "/a", "a/../b", "TRAILER!!!", "./TRAILER!!!"}) {
    EXPECT_EQ(writer.begin({.name = name, .mode = kRegularFile}).error().code, Errc::invalid_input);
  }
  const std::string long_name(kMaxPathSize + 1, 'a');
  EXPECT_FALSE(writer.begin({.name = long_name, .mode = kRegularFile}).has_value());
  EXPECT_FALSE(writer.begin({.name = "a", .mode = 0644}).has_value());
  EXPECT_FALSE(writer.begin({.name = "a", .mode = kSymlink | 0777}).has_value());
  EXPECT_FALSE(writer.begin({.name = "a", .mode = kDirectory, .size = 1}).has_value());
  EXPECT_TRUE(archive.empty());
  EXPECT_TRUE(writer.begin({.name = "rootfs/", .mode = kDirectory}).has_value());
  EXPECT_TRUE(writer.begin({.name = ".", .mode = kDirectory}).has_value());
}

TEST(CpioWriterTest, ContentIsExactlyWhatWasAnnounced) {
  Bytes archive;
  Writer writer(into(archive));
  ASSERT_TRUE(writer.begin({.name = "a", .mode = kRegularFile, .size = 2}).has_value());
  ASSERT_TRUE(writer.content(as_bytes("1")).has_value());
  EXPECT_EQ(writer.begin({.name = "b", .mode = kRegularFile}).error().code, Errc::internal);
  EXPECT_EQ(writer.finish().error().code, Errc::internal);
  EXPECT_EQ(writer.content(as_bytes("23")).error().code, Errc::internal);
  EXPECT_TRUE(writer.content(as_bytes("2")).has_value());
  EXPECT_TRUE(writer.finish().has_value());
}

TEST(CpioWriterTest, HandsOnTheFailureOfItsSink) {
  Writer writer([](ByteView) -> Status { return fail(Errc::unavailable, "disk full"); });
  EXPECT_EQ(writer.begin({.name = "a", .mode = kRegularFile}).error().detail, "disk full");
}

// GNU cpio unpacks what we write, and we read what it writes.
class GnuCpioTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v cpio >/dev/null") != 0) GTEST_SKIP() << "no cpio here";
  }
  // Runs a shell command in the folder.
  int run(const std::string& command) const {
    return std::system(("cd '" + folder_.path().string() + "' && " + command).c_str());
  }

  TestFolder folder_;
};

TEST_F(GnuCpioTest, UnpacksOurHardLinks) {
  const std::vector entries{file("a", "text"), file("b", "other"), another_name("c", "a"),
                            file("empty", ""), another_name("void", "empty")};
  ASSERT_TRUE(write_file_atomic(folder_ / "archive", make_cpio(entries).value()).has_value());
  ASSERT_EQ(run("cpio -i --quiet < archive"), 0);
  EXPECT_EQ(std::filesystem::hard_link_count(folder_ / "c"), 2u);
  EXPECT_EQ(std::filesystem::hard_link_count(folder_ / "void"), 2u);
  EXPECT_TRUE(std::filesystem::equivalent(folder_ / "a", folder_ / "c"));
  EXPECT_EQ(read_text_file(folder_ / "a", 100).value(), "text");
  EXPECT_EQ(read_text_file(folder_ / "b", 100).value(), "other");
}

TEST_F(GnuCpioTest, WritesHardLinksThatWeRead) {
  ASSERT_EQ(run("echo -n text > a && ln a b && ln a c && ln -s a l && ln l m && "
                "printf 'a\\nb\\nc\\nl\\nm\\n' | cpio -o -H newc --quiet > archive"),
            0);
  const Bytes archive = read_file(folder_ / "archive", 100'000).value();
  const auto entries = read_all(archive).value();
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[1].hard_link, entries[0].path);
  EXPECT_EQ(entries[2].hard_link, entries[0].path);
  EXPECT_EQ(as_text(entries[2].content), "text");  // It comes with the last name.
  EXPECT_TRUE(entries[4].hard_link.empty());
}

}  // namespace
}  // namespace cofferdam::cpio
