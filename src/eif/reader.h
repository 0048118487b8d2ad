// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "eif/format.h"
#include "eif/mapped_file.h"
#include "eif/measure.h"

namespace cofferdam::eif {

struct Section {
  SectionType type = SectionType::kernel;
  std::uint64_t offset = 0;  // Of the section header in the file.
  ByteView data;
};

// An enclave image whose structure is sound: every section where the table says, inside
// the file, behind the one before it; kernel, command line, ramdisks and, by version,
// metadata and signature in legal number and order; nothing after the last section. Gaps
// between sections are allowed, as the hypervisor allows them: the CRC covers them, the
// measurements do not. Kernel and ramdisks are views into the mapped file, with what that
// means (eif/mapped_file.h): read() and RamdiskReader do without. The other sections, which
// are small, are copies.
//
// Not yet judged: the CRC, the measurements and the signature.
class Image {
 public:
  // Maps the file. Errc::invalid_input with reason `malformed` if it is no sound image.
  static Result<Image> open(const std::filesystem::path& path);
  // Borrows `bytes`.
  static Result<Image> parse(ByteView bytes);

  const Header& header() const noexcept { return header_; }
  std::span<const Section> sections() const noexcept { return sections_; }  // In file order.
  ByteView bytes() const noexcept { return bytes_; }

  ByteView kernel() const noexcept { return first(SectionType::kernel).value_or(ByteView()); }
  std::string_view cmdline() const noexcept {
    return as_text(first(SectionType::cmdline).value_or(ByteView()));
  }
  std::vector<ByteView> ramdisks() const;
  std::optional<ByteView> metadata() const noexcept { return first(SectionType::metadata); }
  std::optional<ByteView> signature() const noexcept { return first(SectionType::signature); }

  // One walk over the file: what the CRC and the registers are, whatever the header says.
  // Reads the file rather than its mapping, so that memory does not grow with the image;
  // Errc::unavailable if it can no longer be read.
  struct Scan {
    Measurements measurements;  // Without PCR8: see eif/signature.h.
    bool crc_matches = false;
  };
  Result<Scan> scan() const;
  // Hands `digest` all bytes that the CRC covers, the header first.
  Status feed(ImageDigest& digest) const;
  // Some bytes of the file, likewise not from the mapping.
  Status read(std::uint64_t offset, std::uint64_t size, const ByteSink& sink) const;

  // The same for users of the image: refuses it with reason `bad_crc` if the CRC differs,
  // and includes PCR8 of a signed image. The signature itself is not judged.
  Result<Measurements> measure() const;

 private:
  Image(MappedFile file, ByteView bytes) : file_(std::move(file)), bytes_(bytes) {}
  Status read_structure();
  Result<Section> read_section(std::size_t index, std::uint64_t end) const;
  Result<Bytes> copy(std::uint64_t offset, std::uint64_t size) const;
  Status copy_small_sections();
  std::optional<ByteView> first(SectionType type) const noexcept;

  MappedFile file_;
  ByteView bytes_;
  Header header_;
  std::vector<Section> sections_;
  std::vector<Bytes> copies_;  // Of small sections of a file.
};

}  // namespace cofferdam::eif
