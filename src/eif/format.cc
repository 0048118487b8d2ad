// SPDX-License-Identifier: Apache-2.0
#include "eif/format.h"

#include <string>
#include <utility>

#include "bytes/byte_reader.h"
#include "bytes/byte_writer.h"

namespace cofferdam::eif {
namespace {

constexpr std::string_view kMagic = ".eif";
constexpr std::uint16_t kArchFlag = 1;

// The least an image can do with: kernel, command line and one ramdisk.
constexpr std::size_t kMinSections = 3;

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "malformed", "image header: " + std::move(detail));
}

Status check(const Header& header, std::uint16_t flags) {
  if (header.version < kMinVersion || header.version > kCurrentVersion) {
    return bad("expected version 2, 3 or 4, found " + std::to_string(header.version));
  }
  if ((flags & ~kArchFlag) != 0) return bad("an unknown flag is set");
  if (header.section_count < kMinSections || header.section_count > kMaxSections) {
    return bad("expected 3 to 32 sections, found " + std::to_string(header.section_count));
  }
  for (std::size_t i = header.section_count; i < kMaxSections; ++i) {
    if (header.offsets[i] != 0 || header.sizes[i] != 0) {
      return bad("the section table has entries beyond the number of sections");
    }
  }
  return {};
}

}  // namespace

std::string_view arch_name(Arch arch) noexcept {
  return arch == Arch::x86_64 ? "x86_64" : "aarch64";
}

std::optional<Arch> arch_from_name(std::string_view name) noexcept {
  if (name == "x86_64") return Arch::x86_64;
  if (name == "aarch64") return Arch::aarch64;
  return std::nullopt;
}

Result<Header> Header::parse(ByteView bytes) {
  if (bytes.size() < kHeaderSize) {
    return bad("expected " + std::to_string(kHeaderSize) + " bytes, found a file of " +
               std::to_string(bytes.size()));
  }
  ByteReader in(bytes.first(kHeaderSize));
  COFFERDAM_TRY(const ByteView magic, in.bytes(kMagic.size()));
  if (as_text(magic) != kMagic) return bad("this is not an enclave image (no .eif magic)");
  Header out;
  COFFERDAM_TRY(out.version, in.u16());
  COFFERDAM_TRY(const std::uint16_t flags, in.u16());
  COFFERDAM_TRY(out.default_memory, in.u64());
  COFFERDAM_TRY(out.default_cpus, in.u64());
  COFFERDAM_CHECK(in.u16());  // Reserved.
  COFFERDAM_TRY(out.section_count, in.u16());
  for (std::uint64_t& offset : out.offsets) {
    COFFERDAM_TRY(offset, in.u64());
  }
  for (std::uint64_t& size : out.sizes) {
    COFFERDAM_TRY(size, in.u64());
  }
  COFFERDAM_CHECK(in.u32());  // Reserved.
  COFFERDAM_TRY(out.crc, in.u32());
  out.arch = (flags & kArchFlag) != 0 ? Arch::aarch64 : Arch::x86_64;
  COFFERDAM_CHECK(check(out, flags));
  return out;
}

Bytes Header::encode() const {
  ByteWriter out;
  out.bytes(as_bytes(kMagic));
  out.u16(version);
  out.u16(arch == Arch::aarch64 ? kArchFlag : 0);
  out.u64(default_memory);
  out.u64(default_cpus);
  out.u16(0);
  out.u16(section_count);
  for (const std::uint64_t offset : offsets) out.u64(offset);
  for (const std::uint64_t size : sizes) out.u64(size);
  out.u32(0);
  out.u32(crc);
  return std::move(out).take();
}

Result<SectionHeader> SectionHeader::parse(ByteView bytes) {
  ByteReader in(bytes);
  COFFERDAM_TRY(const std::uint16_t type, in.u16());
  COFFERDAM_TRY(const std::uint16_t flags, in.u16());
  COFFERDAM_TRY(const std::uint64_t size, in.u64());
  if (type < std::to_underlying(SectionType::kernel) ||
      type > std::to_underlying(SectionType::metadata)) {
    return bad("a section of unknown type " + std::to_string(type));
  }
  if (flags != 0) return bad("a section with an unknown flag");
  return SectionHeader{.type = static_cast<SectionType>(type), .size = size};
}

Bytes SectionHeader::encode() const {
  ByteWriter out;
  out.u16(std::to_underlying(type));
  out.u16(0);
  out.u64(size);
  return std::move(out).take();
}

}  // namespace cofferdam::eif
