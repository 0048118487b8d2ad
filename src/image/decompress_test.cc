// SPDX-License-Identifier: Apache-2.0
#include "image/decompress.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "image/read_ahead.h"
#include "image/reason.h"
#include "image/test_container.h"

namespace cofferdam::image {
namespace {

Result<std::string> read_all(ByteSource& source) {
  std::string out;
  while (true) {
    COFFERDAM_TRY(const ByteView piece, source.next());
    if (piece.empty()) return out;
    out += as_text(piece);
  }
}

Result<std::string> expand(Compression compression, ByteView compressed,
                           const ExpansionLimits& limits = {}, std::size_t piece_size = SIZE_MAX) {
  MemorySource source(compressed, piece_size);
  const auto expanded = decompress(compression, source, limits);
  return read_all(*expanded);
}

std::string_view reason_of(const Result<std::string>& result) {
  return result ? "accepted" : result.error().reason;
}

Bytes operator+(Bytes a, ByteView b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Long enough for several buffers, and not too regular.
std::string sample() {
  std::string out;
  for (unsigned i = 0; out.size() < 1'000'000; ++i) out += std::to_string(i * 2'654'435'761U);
  return out;
}

class DecompressTest : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Formats, DecompressTest,
                         testing::Values(Compression::gzip, Compression::zstd, Compression::none),
                         [](const auto& info) {
                           return info.param == Compression::none
                                      ? "none"
                                      : std::string(compression_name(info.param));
                         });

TEST_P(DecompressTest, ExpandsPiecesOfAnySize) {
  const std::string content = sample();
  const Bytes compressed = compress(GetParam(), as_bytes(content));
  EXPECT_EQ(expand(GetParam(), compressed).value(), content);
  EXPECT_EQ(expand(GetParam(), compressed, {}, 7).value(), content);
  EXPECT_EQ(expand(GetParam(), compress(GetParam(), {})).value(), "");
}

TEST_P(DecompressTest, StopsAtTheSizeAllowed) {
  const Bytes compressed = compress(GetParam(), Bytes(1000));
  EXPECT_EQ(reason_of(expand(GetParam(), compressed, {.max_size = 1000})), "accepted");
  EXPECT_EQ(reason_of(expand(GetParam(), compressed, {.max_size = 999})), "too_large");
}

TEST_P(DecompressTest, KnowsItsFormat) {
  EXPECT_EQ(detect_compression(compress(GetParam(), as_bytes("content"))), GetParam());
}

class CompressedTest : public DecompressTest {};
INSTANTIATE_TEST_SUITE_P(Formats, CompressedTest,
                         testing::Values(Compression::gzip, Compression::zstd),
                         [](const auto& info) {
                           return std::string(compression_name(info.param));
                         });

TEST_P(CompressedTest, EveryProperPrefixIsTruncated) {
  const Bytes compressed = compress(GetParam(), as_bytes("some content, some content"));
  for (std::size_t size = 0; size < compressed.size(); ++size) {
    EXPECT_EQ(reason_of(expand(GetParam(), ByteView(compressed).first(size))), "truncated")
        << size << " bytes";
  }
}

TEST_P(CompressedTest, ReadsPartsThatFollowOneAnother) {
  const Bytes both =
      compress(GetParam(), as_bytes("one, ")) + compress(GetParam(), as_bytes("two"));
  EXPECT_EQ(expand(GetParam(), both).value(), "one, two");
  EXPECT_EQ(expand(GetParam(), both, {}, 1).value(), "one, two");
}

TEST_P(CompressedTest, RefusesOtherBytesAfterTheEnd) {
  const Bytes content = compress(GetParam(), as_bytes("content"));
  EXPECT_EQ(reason_of(expand(GetParam(), content + as_bytes("garbage, more of it"))), "malformed");
}

TEST_P(CompressedTest, RefusesABomb) {
  const Bytes zeros(std::size_t{65} << 20);
  const Bytes bomb = compress(GetParam(), zeros);
  EXPECT_EQ(reason_of(expand(GetParam(), bomb, {.max_expansion = 500})), "too_large");
  const Bytes small = compress(GetParam(), ByteView(zeros).first(std::size_t{60} << 20));
  EXPECT_EQ(reason_of(expand(GetParam(), small, {.max_expansion = 500})), "accepted")
      << "64 MiB are free";
}

TEST_P(CompressedTest, RefusesDamage) {
  Bytes compressed = compress(GetParam(), as_bytes(sample()));
  compressed[compressed.size() / 2] ^= 0x10;
  EXPECT_FALSE(expand(GetParam(), compressed).has_value());
}

TEST(GzipTest, ZerosMayFollow) {
  const Bytes content = gzip_of(as_bytes("content"));
  EXPECT_EQ(expand(Compression::gzip, content + Bytes(1000)).value(), "content");
  EXPECT_EQ(expand(Compression::gzip, content + Bytes(1000), {}, 3).value(), "content");
  EXPECT_EQ(reason_of(expand(Compression::gzip, content + Bytes(10) + content)), "malformed");
  EXPECT_EQ(reason_of(expand(Compression::gzip, Bytes(10))), "malformed") << "but not stand first";
}

TEST(ZstdTest, PassesOverSkippableFrames) {
  const Bytes skippable{0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'};
  EXPECT_EQ(detect_compression(skippable), Compression::zstd);
  const Bytes content = zstd_of(as_bytes("content"));
  EXPECT_EQ(expand(Compression::zstd, skippable + content + skippable).value(), "content");
  EXPECT_EQ(reason_of(expand(Compression::zstd, content + ByteView(skippable).first(9))),
            "truncated");
}

TEST(ZstdTest, RefusesALargeWindow) {
  const auto with_window = [](int log) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, log);
    Bytes out(1000);
    ZSTD_outBuffer output{.dst = out.data(), .size = out.size(), .pos = 0};
    ZSTD_inBuffer input{.src = "content", .size = 7, .pos = 0};
    ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush);  // Of unknown size.
    ZSTD_compressStream2(context, &output, &input, ZSTD_e_end);
    ZSTD_freeCCtx(context);
    out.resize(output.pos);
    return out;
  };
  EXPECT_EQ(expand(Compression::zstd, with_window(27)).value(), "content");
  EXPECT_EQ(reason_of(expand(Compression::zstd, with_window(28))), "unsupported");
}

TEST(DetectCompressionTest, NamesWhatItDoesNotRead) {
  EXPECT_EQ(detect_compression(as_bytes("BZh9")).error().reason, "unsupported");
  EXPECT_EQ(detect_compression(as_bytes("\xfd"
                                        "7zX"))
                .error()
                .reason,
            "unsupported");
  EXPECT_EQ(detect_compression({}), Compression::none);
}

TEST(ReadAheadTest, HandsOnEveryPiece) {
  const std::string content = sample();
  MemorySource source(as_bytes(content), 1000);
  ReadAhead ahead(source);
  EXPECT_EQ(read_all(ahead).value(), content);
  EXPECT_TRUE(ahead.next().value().empty()) << "and again at the end";
}

TEST(ReadAheadTest, HandsOnAnErrorAfterWhatCameBefore) {
  class Breaking final : public ByteSource {
    Result<ByteView> next() override {
      if (count_++ < 10) return as_bytes("piece");
      return fail(Errc::unavailable, "the disk is gone");
    }
    int count_ = 0;
  };
  Breaking source;
  ReadAhead ahead(source);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(as_text(ahead.next().value()), "piece");
  EXPECT_EQ(ahead.next().error().code, Errc::unavailable);
  EXPECT_EQ(ahead.next().error().code, Errc::unavailable) << "and again";
}

TEST(ReadAheadTest, MayBeLeftUnread) {
  class Endless final : public ByteSource {
    Result<ByteView> next() override { return as_bytes("piece"); }
  };
  Endless source;
  ReadAhead ahead(source);
  EXPECT_EQ(as_text(ahead.next().value()), "piece");
}

}  // namespace
}  // namespace cofferdam::image
