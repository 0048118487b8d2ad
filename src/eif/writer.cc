// SPDX-License-Identifier: Apache-2.0
#include "eif/writer.h"

#include <algorithm>
#include <utility>

#include "eif/output_file.h"
#include "eif/reader.h"

namespace cofferdam::eif {
namespace {

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, std::move(detail));
}

std::unexpected<Error> wrong_size() {
  return fail(Errc::internal, "a section is not as large as announced");
}

// The CRC of a header followed by a body, now that both are known.
std::uint32_t image_crc(const Header& header, const Crc32& body) {
  Crc32 crc;
  crc.update(ByteView(header.encode()).first(kCrcOffset));
  crc.append(body);
  return crc.value();
}

// An image in the making: header space first, sections after it, the header at the end.
class Assembly {
 public:
  Assembly(OutputFile file, Arch arch, std::function<void(std::uint64_t)> progress)
      : file_(std::move(file)),
        progress_(std::move(progress)),
        digest_([this](ByteView piece) { return file_.append(piece); }) {
    header_.arch = arch;
  }

  Status start() { return file_.append(Bytes(kHeaderSize, 0)); }
  Status add(SectionType type, ByteView data);
  Status add(SectionType type, SectionSource& source);
  // The measurements so far; nothing measured may follow.
  Result<Measurements> measure() { return digest_.finish(); }
  Status commit();

 private:
  Status begin(SectionType type, std::uint64_t size);

  OutputFile file_;
  Header header_;
  std::uint64_t position_ = kHeaderSize;
  std::uint64_t read_ = 0;
  std::function<void(std::uint64_t)> progress_;
  ImageDigest digest_;  // Last: its threads write to the file.
};

Status Assembly::begin(SectionType type, std::uint64_t size) {
  const std::size_t index = header_.section_count;
  if (index == kMaxSections) return bad("an image has at most 32 sections");
  header_.offsets[index] = position_;
  header_.sizes[index] = size;
  ++header_.section_count;
  position_ += kSectionHeaderSize + size;
  COFFERDAM_CHECK(digest_.frame(SectionHeader{.type = type, .size = size}.encode()));
  digest_.section(type);
  return {};
}

Status Assembly::add(SectionType type, ByteView data) {
  COFFERDAM_CHECK(begin(type, data.size()));
  return digest_.content(data);
}

Status Assembly::add(SectionType type, SectionSource& source) {
  const std::uint64_t size = source.size();
  COFFERDAM_CHECK(begin(type, size));
  std::uint64_t got = 0;
  COFFERDAM_CHECK(source.write_to([this, size, &got](ByteView piece) -> Status {
    if (piece.size() > size - got) return wrong_size();
    got += piece.size();
    read_ += piece.size();
    if (progress_) progress_(read_);
    return digest_.content(piece);
  }));
  return got == size ? Status() : wrong_size();
}

Status Assembly::commit() {
  COFFERDAM_TRY(const Crc32 body, digest_.crc());
  header_.crc = image_crc(header_, body);
  COFFERDAM_CHECK(file_.overwrite(0, header_.encode()));
  return file_.commit();
}

Status check(const BuildSpec& spec) {
  if (spec.ramdisks.empty()) return bad("an image needs at least one ramdisk");
  if (spec.cmdline.empty()) return bad("an image needs a kernel command line");
  if (spec.cmdline.size() > kMaxCmdlineSize) return bad("the kernel command line is too long");
  if (spec.cmdline.find('\0') != std::string::npos) {
    return bad("the kernel command line holds a NUL");
  }
  if (spec.metadata.size() > kMaxMetadataSize) return bad("the metadata is larger than 1 MiB");
  return {};
}

// Where a signature section is to stand: in the place of the old one, or at the end.
struct SignaturePlace {
  std::size_t index = 0;
  std::size_t begin = 0;  // The bytes of the file it replaces.
  std::size_t end = 0;
};

SignaturePlace signature_place(const Image& image) {
  const auto sections = image.sections();
  const auto old = std::ranges::find(sections, SectionType::signature, &Section::type);
  const auto index = static_cast<std::size_t>(old - sections.begin());
  if (old == sections.end()) {
    return {.index = index, .begin = image.bytes().size(), .end = image.bytes().size()};
  }
  const auto begin = static_cast<std::size_t>(old->offset);
  return {.index = index, .begin = begin, .end = begin + kSectionHeaderSize + old->data.size()};
}

// The header of `image` once the section at `place` has `size` bytes of data.
Result<Header> header_with_signature(const Image& image, const SignaturePlace& place,
                                     std::size_t size) {
  Header out = image.header();
  if (place.index == kMaxSections) return bad("the image has 32 sections: no room for a signature");
  out.offsets[place.index] = place.begin;
  out.sizes[place.index] = size;
  if (place.index == out.section_count) ++out.section_count;
  const std::uint64_t new_end = place.begin + kSectionHeaderSize + size;
  for (std::size_t i = place.index + 1; i < out.section_count; ++i) {
    out.offsets[i] = out.offsets[i] - place.end + new_end;
  }
  return out;
}

// Makes the section, once it is known what it has to sign.
using MakeSection = std::function<Result<Bytes>(const crypto::Sha384& pcr0)>;

// Writes `image` anew with another signature. What stands before the signature, as a rule
// everything, is copied while it is measured.
class Resigning {
 public:
  Resigning(const Image& image, OutputFile file)
      : image_(image), place_(signature_place(image)), file_(std::move(file)) {}

  Result<Measurements> run(const MakeSection& make_section);

 private:
  // All bytes of the image that the CRC covers, in order.
  Status copy(ByteView piece);
  Status append(ByteView piece) {
    body_.update(piece);
    return file_.append(piece);
  }

  const Image& image_;
  SignaturePlace place_;
  OutputFile file_;
  Crc32 body_;              // Of the new image, behind the header.
  std::uint64_t seen_ = 0;  // Of the header without its CRC, then of the rest.
};

Status Resigning::copy(ByteView piece) {
  const std::uint64_t from = std::max<std::uint64_t>(seen_, kCrcOffset) - seen_;
  const std::uint64_t end = kCrcOffset + place_.begin - kHeaderSize;
  const std::uint64_t to = std::max(end, seen_) - seen_;
  seen_ += piece.size();
  if (from >= std::min<std::uint64_t>(to, piece.size())) return {};
  return append(piece.first(std::min(static_cast<std::size_t>(to), piece.size()))
                    .subspan(static_cast<std::size_t>(from)));
}

Result<Measurements> Resigning::run(const MakeSection& make_section) {
  COFFERDAM_CHECK(file_.append(Bytes(kHeaderSize, 0)));
  ImageDigest digest([this](ByteView piece) { return copy(piece); });
  COFFERDAM_CHECK(image_.feed(digest));
  COFFERDAM_TRY(Measurements out, digest.finish());
  COFFERDAM_TRY(const Crc32 crc, digest.crc());
  if (crc.value() != image_.header().crc) {
    return fail(Errc::invalid_input, "bad_crc", "the image is damaged: its CRC is wrong");
  }
  COFFERDAM_TRY(const Bytes section, make_section(out.pcr0));
  COFFERDAM_TRY(Header header, header_with_signature(image_, place_, section.size()));
  COFFERDAM_CHECK(
      append(SectionHeader{.type = SectionType::signature, .size = section.size()}.encode()));
  COFFERDAM_CHECK(append(section));
  COFFERDAM_CHECK(image_.read(place_.end, image_.bytes().size() - place_.end,
                              [this](ByteView piece) { return append(piece); }));
  header.crc = image_crc(header, body_);
  COFFERDAM_CHECK(file_.overwrite(0, header.encode()));
  COFFERDAM_CHECK(file_.commit());
  return out;
}

Result<Measurements> resign(const std::filesystem::path& path, const MakeSection& make_section) {
  COFFERDAM_TRY(const Image image, Image::open(path));
  if (image.header().version < kSignatureVersion) {
    return bad("an image of version 2 cannot carry a signature; build it anew");
  }
  COFFERDAM_TRY(OutputFile file, OutputFile::create(path));
  return Resigning(image, std::move(file)).run(make_section);
}

}  // namespace

Result<Measurements> build_image(BuildSpec spec, const std::filesystem::path& output) {
  COFFERDAM_CHECK(check(spec));
  COFFERDAM_TRY(FileSource kernel, FileSource::open(spec.kernel));
  COFFERDAM_TRY(OutputFile file, OutputFile::create(output));
  Assembly image(std::move(file), spec.arch, std::move(spec.progress));
  COFFERDAM_CHECK(image.start());
  COFFERDAM_CHECK(image.add(SectionType::kernel, kernel));
  COFFERDAM_CHECK(image.add(SectionType::cmdline, as_bytes(spec.cmdline)));
  COFFERDAM_CHECK(image.add(SectionType::metadata, as_bytes(spec.metadata)));
  for (const auto& ramdisk : spec.ramdisks) {
    COFFERDAM_CHECK(image.add(SectionType::ramdisk, *ramdisk));
  }
  COFFERDAM_TRY(Measurements out, image.measure());
  if (spec.signer != nullptr) {
    COFFERDAM_TRY(const Bytes section, spec.signer->sign(out.pcr0));
    COFFERDAM_CHECK(image.add(SectionType::signature, section));
    out.pcr8 = spec.signer->certificate().pcr8;
  }
  COFFERDAM_CHECK(image.commit());
  return out;
}

Result<Measurements> sign_image(const std::filesystem::path& path, const Signer& signer) {
  COFFERDAM_TRY(Measurements out,
                resign(path, [&signer](const crypto::Sha384& pcr0) { return signer.sign(pcr0); }));
  out.pcr8 = signer.certificate().pcr8;
  return out;
}

Result<Measurements> replace_signature(const std::filesystem::path& path, ByteView section,
                                       const crypto::Sha384& pcr0) {
  COFFERDAM_TRY(const SigningCertificate certificate, signing_certificate(section));
  COFFERDAM_TRY(Measurements out, resign(path, [&](const crypto::Sha384& found) -> Result<Bytes> {
                  if (found == pcr0) return to_bytes(section);
                  return fail(Errc::invalid_input, "wrong_image",
                              "the signature is for an image of another PCR0");
                }));
  out.pcr8 = certificate.pcr8;
  return out;
}

}  // namespace cofferdam::eif
