// SPDX-License-Identifier: Apache-2.0
#include "eif/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "eif/section_source.h"
#include "eif/signature.h"

namespace cofferdam::eif {
namespace {

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "malformed", "image: " + std::move(detail));
}

Status check_counts(const Header& header, std::span<const Section> sections) {
  const auto count = [sections](SectionType type) {
    return std::ranges::count(sections, type, &Section::type);
  };
  if (count(SectionType::kernel) != 1) return bad("expected exactly one kernel");
  if (count(SectionType::cmdline) != 1) return bad("expected exactly one command line");
  if (count(SectionType::ramdisk) == 0) return bad("expected at least one ramdisk");
  if (count(SectionType::signature) > (header.version >= kSignatureVersion ? 1 : 0)) {
    return bad("more signature sections than its version allows");
  }
  const bool has_metadata = header.version >= kMetadataVersion;
  if (count(SectionType::metadata) != (has_metadata ? 1 : 0)) {
    return bad(has_metadata ? "expected exactly one metadata section"
                            : "a metadata section, which its version does not have");
  }
  return {};
}

Status check_order_and_sizes(std::span<const Section> sections) {
  bool kernel_seen = false;
  for (const Section& section : sections) {
    if (section.type == SectionType::kernel) kernel_seen = true;
    if (section.type == SectionType::ramdisk && !kernel_seen) {
      return bad("a ramdisk before the kernel");
    }
    const std::size_t limit = section.type == SectionType::signature  ? kMaxSignatureSize
                              : section.type == SectionType::metadata ? kMaxMetadataSize
                              : section.type == SectionType::cmdline  ? kMaxCmdlineSize
                                                                      : section.data.size();
    if (section.data.size() > limit) {
      return bad("a section larger than the " + std::to_string(limit) + " bytes its type may have");
    }
  }
  return {};
}

}  // namespace

Result<Image> Image::open(const std::filesystem::path& path) {
  COFFERDAM_TRY(MappedFile file, MappedFile::open(path));
  const ByteView bytes = file.view();
  Image out(std::move(file), bytes);
  Status sound = out.read_structure();
  if (sound) sound = out.copy_small_sections();
  if (!sound) return wrap(path.string(), sound.error());
  return out;
}

Result<Image> Image::parse(ByteView bytes) {
  Image out(MappedFile(), bytes);
  COFFERDAM_CHECK(out.read_structure());
  return out;
}

Result<Bytes> Image::copy(std::uint64_t offset, std::uint64_t size) const {
  Bytes out;
  COFFERDAM_CHECK(read(offset, size, [&out](ByteView piece) -> Status {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  }));
  return out;
}

// The section the table's entry `index` names. Sections before it end at `end`.
Result<Section> Image::read_section(std::size_t index, std::uint64_t end) const {
  const std::string name = "section " + std::to_string(index);
  const std::uint64_t offset = header_.offsets[index];
  if (offset < end) return bad(name + " overlaps what comes before it");
  if (offset > bytes_.size() || bytes_.size() - offset < kSectionHeaderSize) {
    return bad(name + " lies beyond the end of the file");
  }
  COFFERDAM_TRY(const Bytes head, copy(offset, kSectionHeaderSize));
  COFFERDAM_TRY(const SectionHeader own, SectionHeader::parse(head));
  if (own.size != header_.sizes[index]) {
    return bad(name + " states another size than the table of sections");
  }
  const ByteView content = bytes_.subspan(static_cast<std::size_t>(offset) + kSectionHeaderSize);
  if (own.size > content.size()) return bad(name + " ends beyond the end of the file");
  return Section{.type = own.type,
                 .offset = offset,
                 .data = content.first(static_cast<std::size_t>(own.size))};
}

// Their sizes have been checked.
Status Image::copy_small_sections() {
  for (Section& section : sections_) {
    if (section.type == SectionType::kernel || section.type == SectionType::ramdisk) continue;
    const std::uint64_t start = section.offset + kSectionHeaderSize;
    COFFERDAM_TRY(copies_.emplace_back(), copy(start, section.data.size()));
    section.data = copies_.back();
  }
  return {};
}

Status Image::read_structure() {
  COFFERDAM_TRY(const Bytes head, copy(0, std::min(bytes_.size(), kHeaderSize)));
  COFFERDAM_TRY(header_, Header::parse(head));
  std::uint64_t end = kHeaderSize;
  for (std::size_t i = 0; i < header_.section_count; ++i) {
    COFFERDAM_TRY(const Section section, read_section(i, end));
    end = section.offset + kSectionHeaderSize + section.data.size();
    sections_.push_back(section);
  }
  if (end != bytes_.size()) return bad("bytes after the last section");
  COFFERDAM_CHECK(check_counts(header_, sections_));
  return check_order_and_sizes(sections_);
}

std::vector<ByteView> Image::ramdisks() const {
  std::vector<ByteView> out;
  for (const Section& section : sections_) {
    if (section.type == SectionType::ramdisk) out.push_back(section.data);
  }
  return out;
}

std::optional<ByteView> Image::first(SectionType type) const noexcept {
  const auto found = std::ranges::find(sections_, type, &Section::type);
  if (found == sections_.end()) return std::nullopt;
  return found->data;
}

Status Image::read(std::uint64_t offset, std::uint64_t size, const ByteSink& sink) const {
  if (file_.fd().valid()) return read_range(file_.fd().get(), offset, size, sink, "the image");
  return sink(bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size)));
}

Status Image::feed(ImageDigest& digest) const {
  const ByteSink frame = [&digest](ByteView piece) { return digest.frame(piece); };
  const ByteSink content = [&digest](ByteView piece) { return digest.content(piece); };
  COFFERDAM_CHECK(read(0, kCrcOffset, frame));
  std::uint64_t position = kHeaderSize;
  for (const Section& section : sections_) {
    const std::uint64_t start = section.offset + kSectionHeaderSize;
    COFFERDAM_CHECK(read(position, start - position, frame));
    digest.section(section.type);
    COFFERDAM_CHECK(read(start, section.data.size(), content));
    position = start + section.data.size();
  }
  return {};
}

Result<Image::Scan> Image::scan() const {
  ImageDigest digest;
  COFFERDAM_CHECK(feed(digest));
  COFFERDAM_TRY(const Measurements measured, digest.finish());
  COFFERDAM_TRY(const Crc32 crc, digest.crc());
  return Scan{.measurements = measured, .crc_matches = crc.value() == header_.crc};
}

Result<Measurements> Image::measure() const {
  COFFERDAM_TRY(Scan found, scan());
  if (!found.crc_matches) {
    return fail(Errc::invalid_input, "bad_crc",
                "image: the CRC in its header is not that of the file; it was damaged or changed");
  }
  if (const auto section = signature()) {
    COFFERDAM_TRY(const SigningCertificate certificate, signing_certificate(*section));
    found.measurements.pcr8 = certificate.pcr8;
  }
  return found.measurements;
}

}  // namespace cofferdam::eif
