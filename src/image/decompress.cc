// SPDX-License-Identifier: Apache-2.0
#include "image/decompress.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;
constexpr std::uint64_t kFreeExpansion = std::uint64_t{64} << 20;
constexpr int kMaxWindowLog = 27;

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kBzip2Magic = "BZh";
constexpr std::string_view kXzMagic =
    "\xfd"
    "7zX";

std::unexpected<Error> refuse(std::string_view reason, std::string detail) {
  return fail(Errc::invalid_input, reason, std::move(detail));
}

// What both formats share: input and output buffers, and a check on how much comes out.
class Decompressor : public ByteSource {
 public:
  Decompressor(ByteSource& compressed, const ExpansionLimits& limits)
      : compressed_(compressed),
        limits_(limits),
        buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kBufferSize)) {}

  Result<ByteView> next() final {
    std::size_t used = 0;
    while (used == 0) {
      if (input_.empty() && !input_ended_) {
        COFFERDAM_TRY(input_, compressed_.next());
        input_ended_ = input_.empty();
        in_ += input_.size();
      }
      COFFERDAM_TRY(const Step step, expand(input_, {buffer_.get(), kBufferSize}));
      input_ = input_.subspan(step.taken);
      used = step.made;
      if (used == 0 && input_ended_) return ByteView();
    }
    out_ += used;
    COFFERDAM_CHECK(check_size());
    return ByteView(buffer_.get(), used);
  }

 protected:
  struct Step {
    std::size_t taken = 0;
    std::size_t made = 0;
  };

  // Goes on with `input`, which is empty only at its end. That nothing was made then means
  // that all has been.
  virtual Result<Step> expand(ByteView input, std::span<std::uint8_t> output) = 0;

 private:
  Status check_size() const {
    if (out_ > limits_.max_size) {
      return refuse(reason::kTooLarge, "a layer that unpacks to more than " +
                                           std::to_string(limits_.max_size) + " bytes");
    }
    if (out_ > kFreeExpansion && out_ / limits_.max_expansion > in_) {
      return refuse(reason::kTooLarge, "a layer that unpacks to more than " +
                                           std::to_string(limits_.max_expansion) +
                                           " times its size");
    }
    return {};
  }

  ByteSource& compressed_;
  ExpansionLimits limits_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  ByteView input_;
  bool input_ended_ = false;
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
};

class GzipSource final : public Decompressor {
 public:
  using Decompressor::Decompressor;
  ~GzipSource() override {
    if (ready_) inflateEnd(&stream_);
  }

 protected:
  Result<Step> expand(ByteView input, std::span<std::uint8_t> output) override {
    if (input.empty() && state_ != State::member) {
      if (!ready_) return truncated();
      return Step{};
    }
    if (state_ == State::between) {
      state_ = ready_ && input[0] == 0 ? State::padding : State::member;
      if (state_ == State::member) COFFERDAM_CHECK(start());
    }
    return state_ == State::padding ? pass_padding(input) : inflate_some(input, output);
  }

 private:
  enum class State : std::uint8_t { member, between, padding };

  static std::unexpected<Error> truncated() {
    return refuse(reason::kTruncated, "gzip: the layer ends too early");
  }

  Status start() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    const int result = ready_ ? inflateReset(&stream_) : inflateInit2(&stream_, kGzipOnly);
    if (result != Z_OK) return fail(Errc::internal, "gzip: cannot start");
    ready_ = true;
    return {};
  }

  Result<Step> inflate_some(ByteView input, std::span<std::uint8_t> output) {
    // zlib does not write to its input.
    stream_.next_in = const_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    const Step step{.taken = input.size() - stream_.avail_in,
                    .made = output.size() - stream_.avail_out};
    if (result == Z_STREAM_END) {
      state_ = State::between;
    } else if (result == Z_BUF_ERROR && input.empty()) {
      return truncated();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return refuse(reason::kMalformed, "gzip: the layer is damaged");
    }
    return step;
  }

  static Result<Step> pass_padding(ByteView input) {
    if (std::ranges::any_of(input, [](std::uint8_t byte) { return byte != 0; })) {
      return refuse(reason::kMalformed, "gzip: bytes after the end of the layer");
    }
    return Step{.taken = input.size()};
  }

  z_stream stream_{};
  bool ready_ = false;  // stream_ has been set up.
  State state_ = State::between;
};

class ZstdSource final : public Decompressor {
 public:
  ZstdSource(ByteSource& compressed, const ExpansionLimits& limits)
      : Decompressor(compressed, limits), context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

 protected:
  Result<Step> expand(ByteView input, std::span<std::uint8_t> output) override {
    if (input.empty() && between_frames_) return Step{};
    ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
    ZSTD_outBuffer out{.dst = output.data(), .size = output.size(), .pos = 0};
    const std::size_t result = ZSTD_decompressStream(context_, &out, &in);
    if (ZSTD_isError(result) != 0) return refused(result);
    between_frames_ = result == 0;
    if (input.empty() && out.pos == 0 && !between_frames_) {
      return refuse(reason::kTruncated, "zstd: the layer ends too early");
    }
    return Step{.taken = in.pos, .made = out.pos};
  }

 private:
  static std::unexpected<Error> refused(std::size_t result) {
    if (ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge) {
      return refuse(
          reason::kUnsupported,
          "zstd: a window of more than 128 MiB; compress the layer with --long=27 or less");
    }
    return refuse(reason::kMalformed, std::string("zstd: ") + ZSTD_getErrorName(result));
  }

  ZSTD_DCtx* context_;
  bool between_frames_ = false;
};

// Bytes as they are, up to the same limit.
class PlainSource final : public ByteSource {
 public:
  PlainSource(ByteSource& plain, const ExpansionLimits& limits) : plain_(plain), limits_(limits) {}

  Result<ByteView> next() override {
    COFFERDAM_TRY(const ByteView piece, plain_.next());
    size_ += piece.size();
    if (size_ > limits_.max_size) {
      return refuse(reason::kTooLarge,
                    "a layer of more than " + std::to_string(limits_.max_size) + " bytes");
    }
    return piece;
  }

 private:
  ByteSource& plain_;
  ExpansionLimits limits_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::string_view compression_name(Compression compression) noexcept {
  switch (compression) {
    case Compression::none:
      return "no compression";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "?";
}

Result<Compression> detect_compression(ByteView start) {
  const std::string_view text = as_text(start);
  if (text.starts_with(kGzipMagic)) return Compression::gzip;
  if (text.starts_with(kZstdMagic)) return Compression::zstd;
  // A skippable frame, as tools that seek in zstd put in front.
  if (start.size() >= 4 && (start[0] & 0xf0) == 0x50 && text.substr(1, 3) == "\x2a\x4d\x18") {
    return Compression::zstd;
  }
  if (text.starts_with(kBzip2Magic) || text.starts_with(kXzMagic)) {
    return refuse(reason::kUnsupported,
                  "a layer compressed with bzip2 or xz; gzip, zstd and none are read");
  }
  return Compression::none;
}

std::unique_ptr<ByteSource> decompress(Compression compression, ByteSource& compressed,
                                       const ExpansionLimits& limits) {
  switch (compression) {
    case Compression::gzip:
      return std::make_unique<GzipSource>(compressed, limits);
    case Compression::zstd:
      return std::make_unique<ZstdSource>(compressed, limits);
    case Compression::none:
      break;
  }
  return std::make_unique<PlainSource>(compressed, limits);
}

}  // namespace cofferdam::image
