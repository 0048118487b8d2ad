// SPDX-License-Identifier: Apache-2.0
#include "bytes/tar.h"

#include <gtest/gtest.h>

#include <functional>
#include <string_view>
#include <vector>

#include "bytes/tar_header.h"
#include "bytes/test_tar.h"

namespace cofferdam::tar {
namespace {

struct Item {
  Entry entry;
  std::string content;
};

Result<std::vector<Item>> read_all(ByteView archive, std::size_t piece_size = SIZE_MAX,
                                   Limits limits = {}) {
  MemorySource source(archive, piece_size);
  Reader reader(source, limits);
  std::vector<Item> out;
  while (true) {
    COFFERDAM_TRY(auto entry, reader.next());
    if (!entry) return out;
    out.push_back({*std::move(entry), {}});
    COFFERDAM_CHECK(reader.read_content([&out](ByteView piece) -> Status {
      out.back().content += as_text(piece);
      return {};
    }));
  }
}

std::string_view reason_of(ByteView archive, Limits limits = {}) {
  const auto read = read_all(archive, SIZE_MAX, limits);
  return read ? "accepted" : read.error().reason;
}

Entry only_entry(ByteView archive) {
  const auto items = read_all(archive);
  EXPECT_TRUE(items.has_value()) << items.error().detail;
  EXPECT_EQ(items.value().size(), 1u);
  return items.value().front().entry;
}

std::vector<Entry> samples() {
  return {
      {.path = "", .type = Type::directory, .mode = 0755},
      {.path = "bin", .type = Type::directory, .mode = 01777, .uid = 7, .gid = 8, .mtime = 9},
      {.path = "bin/app", .mode = 04755, .uid = 3'000'000'000, .xattrs = {{"user.a", {0, '\n'}}}},
      {.path = "bin/again", .type = Type::hard_link, .target = "bin/app"},
      {.path = "lib", .type = Type::symlink, .mode = 0777, .target = "../usr//lib/"},
      {.path = "null", .type = Type::character_device, .device_major = 1, .device_minor = 3},
      {.path = "disk", .type = Type::block_device, .device_major = 8, .device_minor = 1},
      {.path = "pipe", .type = Type::fifo, .mtime = -5},
      {.path = std::string(300, 'n'), .mtime = std::int64_t{1} << 40},
      {.path = "far", .type = Type::symlink, .target = std::string(300, 't')},
  };
}

Bytes archive_of(const std::vector<Entry>& entries) {
  TestArchive out;
  for (const Entry& entry : entries) {
    out.add(entry, entry.type == Type::file ? "content" : "");
  }
  return out.finish();
}

TEST(TarTest, ReadsEveryTypeInPiecesOfAnySize) {
  const auto expected = samples();
  const Bytes archive = archive_of(expected);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{513}, SIZE_MAX}) {
    const auto items = read_all(archive, piece);
    ASSERT_TRUE(items.has_value()) << items.error().detail;
    ASSERT_EQ(items->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      Entry found = (*items)[i].entry;
      if (found.type == Type::file) {
        EXPECT_EQ(as_text(ByteView(archive).subspan(found.offset, found.size)), "content");
        EXPECT_EQ((*items)[i].content, "content");
      }
      found.offset = found.size = 0;
      EXPECT_EQ(found, expected[i]) << "entry " << i;
    }
  }
}

TEST(TarTest, PassesOverContentNobodyAsksFor) {
  const Bytes archive = TestArchive().file("a", std::string(5000, 'x')).file("b", "y").finish();
  for (const std::size_t piece : {std::size_t{512}, SIZE_MAX}) {
    MemorySource source(archive, piece);
    Reader reader(source);
    EXPECT_EQ(reader.next().value()->path, "a");
    EXPECT_EQ(reader.next().value()->path, "b");
    EXPECT_FALSE(reader.next().value().has_value());
    EXPECT_FALSE(reader.next().value().has_value()) << "and again after the end";
  }
}

TEST(TarTest, EveryProperPrefixIsTruncated) {
  const Bytes archive = archive_of(samples());
  for (std::size_t size = 0; size < archive.size(); size += 64) {
    EXPECT_EQ(reason_of(ByteView(archive).first(size)), "truncated") << size << " bytes";
  }
}

TEST(TarTest, BringsPathsIntoOneForm) {
  EXPECT_EQ(only_entry(TestArchive().file("./a//b/./c", "").finish()).path, "a/b/c");
  EXPECT_EQ(only_entry(TestArchive().directory("a/").finish()).path, "a");
  EXPECT_EQ(only_entry(TestArchive().hard_link("a", "./b//c").finish()).target, "b/c");
}

TEST(TarTest, RefusesPathsThatAreNotBelowTheRoot) {
  for (const char* path : {"/etc/passwd", "../a", "a/../b", "..", "a/.."}) {
    EXPECT_EQ(reason_of(TestArchive().file(path, "").finish()), "bad_path") << path;
    EXPECT_EQ(reason_of(TestArchive().hard_link("a", path).finish()), "bad_path") << path;
    EXPECT_EQ(reason_of(TestArchive().pax({{"path", path}}).file("a", "").finish()), "bad_path");
  }
  EXPECT_EQ(reason_of(TestArchive().file(".", "").finish()), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().file("a/", "").finish()), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().raw(make_header({.name = ""})).finish()), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().file(std::string(5000, 'a'), "").finish()), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().pax({{"path", {"a\0b", 3}}}).file("a", "").finish()),
            "bad_path");
  EXPECT_EQ(reason_of(TestArchive().symlink("a", "").finish()), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().pax({{"linkpath", {"a\0b", 3}}}).symlink("a", "t").finish()),
            "bad_path");
}

TEST(TarTest, RefusesAWrongChecksumAndTakesASignedOne) {
  Bytes header = make_header({.name = "\xc3\xa4"});
  EXPECT_EQ(reason_of(TestArchive().raw(header).finish()), "accepted");
  Bytes signed_sum = header;
  std::int64_t sum = parse_number(ByteView(header).subspan(148, 8)).value() - 2 * 256;
  for (std::size_t i = 6; i-- > 0; sum /= 8) {
    signed_sum[148 + i] = static_cast<std::uint8_t>('0' + sum % 8);
  }
  EXPECT_EQ(reason_of(TestArchive().raw(signed_sum).finish()), "accepted");
  header[0] ^= 1;
  EXPECT_EQ(reason_of(TestArchive().raw(header).finish()), "malformed");
}

TEST(TarTest, ReadsOldArchivesWithoutMagic) {
  const auto v7 = [](const char* name, char type) {
    return with_field(make_header({.name = name, .type = type}), 257, std::string(8, '\0'));
  };
  EXPECT_EQ(only_entry(TestArchive().raw(v7("a", '\0')).finish()).type, Type::file);
  EXPECT_EQ(only_entry(TestArchive().raw(v7("a/", '\0')).finish()).type, Type::directory);
  EXPECT_EQ(only_entry(TestArchive().raw(v7("a", '7')).finish()).type, Type::file);
}

TEST(TarTest, PutsThePrefixInFrontOfTheName) {
  const Bytes ustar = with_field(make_header({.name = "name"}), 345, "some/folder");
  EXPECT_EQ(only_entry(TestArchive().raw(ustar).finish()).path, "some/folder/name");
  const Bytes gnu = with_field(ustar, 257, {"ustar  \0", 8});
  EXPECT_EQ(only_entry(TestArchive().raw(gnu).finish()).path, "name") << "GNU has times there";
}

TEST(TarTest, ReadsGnuLongNames) {
  const std::string name(200, 'n');
  const std::string target(200, 't');
  const Bytes archive =
      TestArchive()
          .raw(make_header({.name = "././@LongLink", .type = 'K', .size = 201}), target + '\0')
          .raw(make_header({.name = "././@LongLink", .type = 'L', .size = 201}), name + '\0')
          .raw(make_header({.name = name, .type = '2', .target = target}))
          .finish();
  const Entry entry = only_entry(archive);
  EXPECT_EQ(entry.path, name);
  EXPECT_EQ(entry.target, target);
}

TEST(TarTest, RefusesNamesGivenTwice) {
  const auto long_name = make_header({.name = "L", .type = 'L', .size = 1});
  EXPECT_EQ(reason_of(TestArchive().raw(long_name, "a").raw(long_name, "b").file("c", "").finish()),
            "malformed");
  EXPECT_EQ(
      reason_of(TestArchive().raw(long_name, "a").pax({{"path", "b"}}).file("c", "").finish()),
      "malformed");
  EXPECT_EQ(reason_of(TestArchive().pax({{"path", "a"}, {"path", "b"}}).file("c", "").finish()),
            "malformed");
  EXPECT_EQ(
      reason_of(TestArchive().pax({{"path", "a"}}).pax({{"uid", "1"}}).file("c", "").finish()),
      "malformed");
}

TEST(TarTest, RefusesLongNamesThatAreNone) {
  for (const std::string_view name : {std::string_view("\0", 1), std::string_view("a\0b", 3)}) {
    const auto header = make_header({.name = "L", .type = 'L', .size = name.size()});
    EXPECT_EQ(reason_of(TestArchive().raw(header, name).file("c", "").finish()), "malformed");
  }
}

TEST(TarTest, ReadsPaxNumbersAndCutsFractions) {
  const auto with = [](const char* key, const char* value) {
    return only_entry(TestArchive().pax({{key, value}}).file("a", "").finish());
  };
  EXPECT_EQ(with("mtime", "1700000000.999999999").mtime, 1'700'000'000);
  EXPECT_EQ(with("mtime", "-1.5").mtime, -2) << "as the file system has it";
  EXPECT_EQ(with("uid", "4294967294").uid, 4'294'967'294);
  EXPECT_EQ(with("gid", "70000").gid, 70'000u);
  EXPECT_EQ(with("comment", "nobody needs this").path, "a");
  EXPECT_EQ(with("hdrcharset", "BINARY").path, "a");
}

TEST(TarTest, PaxSizeCountsAndNotTheHeaders) {
  Bytes header = make_header({.name = "a", .size = 0});
  const auto items = read_all(TestArchive().pax({{"size", "3"}}).raw(header, "abc").finish());
  EXPECT_EQ(items.value().front().content, "abc");
}

TEST(TarTest, RefusesPaxRecordsThatLie) {
  for (const std::string_view text :
       {"5 a=b\n", "7 a=b\n", "6 a=b ", "6 a=bc", "04\n", "4 =\n", "5 ab\n", "x a=b\n", "6a=bcd\n",
        "18446744073709551617 a=b\n", "0 a=b\n", "-6 a=b\n"}) {
    const auto header = make_header({.name = "pax", .type = 'x', .size = text.size()});
    EXPECT_EQ(reason_of(TestArchive().raw(header, text).file("a", "").finish()), "malformed")
        << text;
  }
  EXPECT_TRUE(parse_records("6 a=b\n").has_value());
}

TEST(TarTest, RefusesPaxNumbersThatAreNone) {
  for (const char* value : {"x", "1x", "1.x", "", " 1", "0x10", "99999999999999999999", "--1"}) {
    EXPECT_FALSE(parse_decimal(value).has_value()) << value;
  }
  const auto uid = [](const char* value) {
    return reason_of(TestArchive().pax({{"uid", value}}).file("a", "").finish());
  };
  EXPECT_EQ(uid("4294967296"), "too_large");
  EXPECT_EQ(uid("-1"), "too_large");
  EXPECT_EQ(reason_of(TestArchive().pax({{"size", "-1"}}).file("a", "").finish()), "malformed");
}

TEST(TarTest, GlobalHeadersHoldUntilALocalOneTakesThemBack) {
  const auto items = read_all(TestArchive()
                                  .pax({{"uid", "5"}, {"comment", "commit"}}, 'g')
                                  .file("a", "")
                                  .pax({{"uid", "6"}})
                                  .file("b", "")
                                  .pax({{"uid", ""}})
                                  .add({.path = "c", .uid = 7})
                                  .finish());
  ASSERT_TRUE(items.has_value()) << items.error().detail;
  EXPECT_EQ((*items)[0].entry.uid, 5u);
  EXPECT_EQ((*items)[1].entry.uid, 6u);
  EXPECT_EQ((*items)[2].entry.uid, 7u);
}

TEST(TarTest, GlobalHeadersMayNotNameOrSizeFiles) {
  for (const char* key : {"path", "linkpath", "size", "GNU.sparse.name", "SCHILY.xattr.user.a"}) {
    EXPECT_EQ(reason_of(TestArchive().pax({{key, "1"}}, 'g').file("a", "").finish()), "unsupported")
        << key;
  }
}

TEST(TarTest, ReadsAttributesInBothForms) {
  const Entry entry = only_entry(TestArchive()
                                     .pax({{"SCHILY.xattr.user.a", {"x\0=\n", 4}},
                                           {"LIBARCHIVE.xattr.user.a", "eAA9Cg"},
                                           {"LIBARCHIVE.xattr.user.b%2fc", "eQ"},
                                           {"SCHILY.xattr.user.empty", ""}})
                                     .file("f", "")
                                     .finish());
  const std::map<std::string, Bytes> expected{
      {"user.a", to_bytes(std::string_view("x\0=\n", 4))}, {"user.b/c", {'y'}}, {"user.empty", {}}};
  EXPECT_EQ(entry.xattrs, expected);
}

TEST(TarTest, RefusesAttributesThatDisagreeOrAreNone) {
  const auto reason_with = [](std::vector<std::pair<std::string, std::string>> records) {
    return reason_of(TestArchive().pax(records).file("f", "").finish());
  };
  EXPECT_EQ(reason_with({{"SCHILY.xattr.a", "x"}, {"LIBARCHIVE.xattr.a", "eQ"}}), "malformed");
  EXPECT_EQ(reason_with({{"LIBARCHIVE.xattr.a", "!"}}), "malformed");
  EXPECT_EQ(reason_with({{"LIBARCHIVE.xattr.a%", "eQ"}}), "malformed");
  EXPECT_EQ(reason_with({{"LIBARCHIVE.xattr.%zz", "eQ"}}), "malformed");
  EXPECT_EQ(reason_with({{"SCHILY.xattr.", "eQ"}}), "malformed");
}

TEST(TarTest, RefusesSparseFilesAndUnknownTypes) {
  for (const char type : {'S', 'D', 'M', 'V', 'N', 'X', '8', 'Z', ' '}) {
    const auto header = make_header({.name = "a", .type = type});
    EXPECT_EQ(reason_of(TestArchive().raw(header).finish()), "unsupported") << type;
  }
  for (const char* key : {"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.realsize"}) {
    EXPECT_EQ(reason_of(TestArchive().pax({{key, "1"}}).file("a", "").finish()), "unsupported");
  }
  EXPECT_EQ(
      reason_of(TestArchive().pax({{"hdrcharset", "ISO-IR 8859 1 1998"}}).file("a", "").finish()),
      "unsupported");
}

TEST(TarTest, RefusesContentWhereThereCanBeNone) {
  for (const char type : {'1', '2', '3', '4', '5', '6'}) {
    const auto header = make_header({.name = "a", .type = type, .size = 1, .target = "t"});
    EXPECT_EQ(reason_of(TestArchive().raw(header, "x").finish()), "malformed") << type;
  }
}

TEST(TarTest, WantsTwoBlocksOfZerosAndThenOnlyZeros) {
  Bytes archive = TestArchive().file("a", "").finish();
  archive.resize(archive.size() + 10'240);
  EXPECT_EQ(reason_of(archive), "accepted");
  archive.resize(archive.size() + 5);
  EXPECT_EQ(reason_of(archive), "accepted") << "zeros of any length";
  archive.back() = 1;
  EXPECT_EQ(reason_of(archive), "malformed");

  Bytes lone = TestArchive().file("a", "").unfinished();
  lone.resize(lone.size() + 512);
  EXPECT_EQ(reason_of(lone), "truncated");
  const Bytes more = TestArchive().file("b", "").finish();
  lone.insert(lone.end(), more.begin(), more.end());
  EXPECT_EQ(reason_of(lone), "malformed");
  EXPECT_EQ(reason_of(TestArchive().pax({{"uid", "1"}}).finish()), "malformed");
}

TEST(TarTest, AnEndMayBeForgottenWhereThatIsAllowed) {
  const auto count = [](ByteView archive) -> int {
    MemorySource source(archive, 100);
    Reader reader(source, {}, End::optional);
    for (int entries = 0;; ++entries) {
      const auto entry = reader.next();
      if (!entry) return -1;
      if (!*entry) return entries;
    }
  };
  const Bytes blocks = TestArchive().file("a", "").file("b", "12345").unfinished();
  EXPECT_EQ(count(blocks), 2);
  EXPECT_EQ(count(ByteView(blocks).first(blocks.size() - 507)), 2) << "nor padding";
  EXPECT_EQ(count(ByteView(blocks).first(blocks.size() - 508)), -1) << "but all content";
  EXPECT_EQ(count(ByteView(blocks).first(blocks.size() - 1)), -1) << "and no half padding";
  EXPECT_EQ(count(ByteView(blocks).first(1000)), -1);
  EXPECT_EQ(count(TestArchive().pax({{"uid", "1"}}).unfinished()), -1);
  EXPECT_EQ(count({}), 0);
  Bytes lone = blocks;
  lone.resize(lone.size() + 512);
  EXPECT_EQ(count(lone), 2);
  lone.push_back(1);
  EXPECT_EQ(count(lone), -1);
}

TEST(TarTest, KeepsToItsLimits) {
  const Bytes two = TestArchive().file("a", "12345").file("b", "").finish();
  EXPECT_EQ(reason_of(two, {.max_entries = 2}), "accepted");
  EXPECT_EQ(reason_of(two, {.max_entries = 1}), "too_large");
  EXPECT_EQ(reason_of(two, {.max_content_size = 5}), "accepted");
  EXPECT_EQ(reason_of(two, {.max_content_size = 4}), "too_large");
  EXPECT_EQ(reason_of(two, {.max_path_size = 0}), "bad_path");
  const Bytes pax = TestArchive().pax({{"comment", std::string(600, 'c')}}).file("a", "").finish();
  EXPECT_EQ(reason_of(pax, {.max_extension_size = 1024}), "accepted");
  EXPECT_EQ(reason_of(pax, {.max_extension_size = 512}), "too_large");
}

TEST(TarTest, AnEnormousSizeIsRefusedAtOnce) {
  for (const char type : {'0', 'x', 'g', 'L', 'K'}) {
    const auto header = with_field(make_header({.name = "a", .type = type}), 124,
                                   {"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12});
    EXPECT_EQ(reason_of(TestArchive().raw(header).finish()), "too_large") << type;
  }
}

TEST(TarTest, ReadsNumbersInEveryForm) {
  const auto number = [](std::string_view text) { return parse_number(as_bytes(text)); };
  EXPECT_EQ(number("0000644\0").value(), 0644);
  EXPECT_EQ(number("   644 \0").value(), 0644);
  EXPECT_EQ(number({"\0\0\0\0", 4}).value(), 0);
  EXPECT_EQ(number("77777777").value(), 077777777);
  EXPECT_EQ(number({"\x80\0\0\0\0\0\x01\0", 8}).value(), 256);
  EXPECT_EQ(number("\xff\xff\xff\xff\xff\xff\xff\xfe").value(), -2);
  EXPECT_EQ(number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe").value(), -2);
  for (const std::string_view bad :
       {std::string_view("64a"), std::string_view("8"), std::string_view("-1"),
        std::string_view("1\0"
                         "1",
                         3),
        std::string_view("0x1"), std::string_view("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12),
        std::string_view("\x80\0\0\x01\0\0\0\0\0\0\0\0", 12)}) {
    EXPECT_FALSE(number(bad).has_value()) << bad;
  }
}

TEST(TarTest, HandsOnTheErrorsOfItsSource) {
  class Broken final : public ByteSource {
    Result<ByteView> next() override { return fail(Errc::unavailable, "the disk is gone"); }
  };
  Broken source;
  Reader reader(source);
  const auto entry = reader.next();
  ASSERT_FALSE(entry.has_value());
  EXPECT_EQ(entry.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace cofferdam::tar
