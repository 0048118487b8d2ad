// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

// The Enclave Image Format: a header with a table of sections, then the sections. All
// integers are big-endian. Source: aws-nitro-enclaves-image-format, README.md and
// src/defs/mod.rs; written down in docs/eif.md.
namespace cofferdam::eif {

inline constexpr std::size_t kMaxSections = 32;
inline constexpr std::size_t kHeaderSize = 548;
inline constexpr std::size_t kCrcOffset = kHeaderSize - 4;
inline constexpr std::size_t kSectionHeaderSize = 12;
inline constexpr std::size_t kMaxSignatureSize = 32768;
inline constexpr std::size_t kMaxMetadataSize = std::size_t{1} << 20;  // Ours; AWS states none.
inline constexpr std::size_t kMaxCmdlineSize = std::size_t{1} << 20;   // Likewise.

inline constexpr std::uint16_t kMinVersion = 2;  // 0 and 1 were never public.
inline constexpr std::uint16_t kSignatureVersion = 3;
inline constexpr std::uint16_t kMetadataVersion = 4;
inline constexpr std::uint16_t kCurrentVersion = 4;

enum class SectionType : std::uint16_t {
  kernel = 1,
  cmdline = 2,
  ramdisk = 3,
  signature = 4,
  metadata = 5,
};

enum class Arch : std::uint8_t { x86_64, aarch64 };

std::string_view arch_name(Arch arch) noexcept;
std::optional<Arch> arch_from_name(std::string_view name) noexcept;

struct Header {
  std::uint16_t version = kCurrentVersion;
  Arch arch = Arch::x86_64;
  std::uint64_t default_memory = std::uint64_t{1} << 30;  // Written by habit; read by nobody.
  std::uint64_t default_cpus = 2;
  std::uint16_t section_count = 0;
  std::array<std::uint64_t, kMaxSections> offsets{};  // Of the section headers in the file.
  std::array<std::uint64_t, kMaxSections> sizes{};    // Of the data, without section headers.
  std::uint32_t crc = 0;

  // The first kHeaderSize bytes of a file. Checks what can be checked without the rest;
  // Errc::invalid_input otherwise. Reserved fields are ignored, as AWS documents them.
  static Result<Header> parse(ByteView bytes);

  // All kHeaderSize bytes, with zeros in the reserved fields.
  Bytes encode() const;
};

struct SectionHeader {
  SectionType type = SectionType::kernel;
  std::uint64_t size = 0;

  // Errc::invalid_input for an unknown type or any flag.
  static Result<SectionHeader> parse(ByteView bytes);
  Bytes encode() const;
};

}  // namespace cofferdam::eif
