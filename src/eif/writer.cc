// SPDX-License-Identifier: Apache-2.0
#include "eif/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/file.h"
#include "eif/output_file.h"
#include "eif/reader.h"

namespace cofferdam::eif {
namespace {

// One read: large enough for both hashing threads to have work.
constexpr std::size_t kChunk = std::size_t{1} << 20;

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, std::move(detail));
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
  static Result<Assembly> start(const std::filesystem::path& output, Arch arch) {
    COFFERDAM_TRY(OutputFile file, OutputFile::create(output));
    COFFERDAM_CHECK(file.append(Bytes(kHeaderSize, 0)));
    Assembly out(std::move(file));
    out.header_.arch = arch;
    return out;
  }

  Status add(SectionType type, ByteView data) {
    COFFERDAM_CHECK(begin(type, data.size()));
    return add_content(data);
  }

  Status add_file(SectionType type, const std::filesystem::path& path);

  // The measurements so far; nothing measured may follow.
  Measurements measure() { return digest_.finish(); }

  Status commit() {
    header_.crc = image_crc(header_, digest_.crc());
    COFFERDAM_CHECK(file_.overwrite(0, header_.encode()));
    return file_.commit();
  }

 private:
  explicit Assembly(OutputFile file) : file_(std::move(file)), buffer_(kChunk) {}

  Status begin(SectionType type, std::uint64_t size);
  Status add_content(ByteView data) {
    digest_.content(data);
    return file_.append(data);
  }

  OutputFile file_;
  Header header_;
  ImageDigest digest_;
  Bytes buffer_;
};

Status Assembly::begin(SectionType type, std::uint64_t size) {
  const std::size_t index = header_.section_count;
  if (index == kMaxSections) return bad("an image has at most 32 sections");
  header_.offsets[index] = kHeaderSize + digest_.crc().size();
  header_.sizes[index] = size;
  ++header_.section_count;
  const Bytes head = SectionHeader{.type = type, .size = size}.encode();
  digest_.frame(head);
  digest_.section(type);
  return file_.append(head);
}

struct InputFile {
  UniqueFd fd;
  std::uint64_t size = 0;
};

Result<InputFile> open_input(const std::filesystem::path& path) {
  InputFile out{.fd = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)), .size = 0};
  struct stat info{};
  if (!out.fd.valid() || fstat(out.fd.get(), &info) != 0) {
    const Errc errc = errno == ENOENT ? Errc::not_found : Errc::unavailable;
    return fail(errc, "cannot open " + path.string() + ": " + errno_text(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::unavailable, path.string() + " is not a regular file; save it as one first");
  }
  out.size = static_cast<std::uint64_t>(info.st_size);
  if (out.size == 0) return bad(path.string() + " is empty");
  posix_fadvise(out.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return out;
}

Status Assembly::add_file(SectionType type, const std::filesystem::path& path) {
  COFFERDAM_TRY(const InputFile input, open_input(path));
  COFFERDAM_CHECK(begin(type, input.size));
  std::uint64_t left = input.size;
  while (true) {
    const ssize_t got = read(input.fd.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Errc::unavailable, "cannot read " + path.string() + ": " + errno_text(errno));
    }
    const auto size = static_cast<std::uint64_t>(got);
    if (size > left || (size == 0 && left > 0)) {
      return fail(Errc::unavailable, path.string() + " changed while it was read; try again");
    }
    if (size == 0) return {};
    left -= size;
    COFFERDAM_CHECK(add_content(ByteView(buffer_).first(static_cast<std::size_t>(size))));
  }
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

}  // namespace

Result<Measurements> build_image(const BuildSpec& spec, const std::filesystem::path& output) {
  COFFERDAM_CHECK(check(spec));
  COFFERDAM_TRY(Assembly image, Assembly::start(output, spec.arch));
  COFFERDAM_CHECK(image.add_file(SectionType::kernel, spec.kernel));
  COFFERDAM_CHECK(image.add(SectionType::cmdline, as_bytes(spec.cmdline)));
  COFFERDAM_CHECK(image.add(SectionType::metadata, as_bytes(spec.metadata)));
  for (const std::filesystem::path& ramdisk : spec.ramdisks) {
    COFFERDAM_CHECK(image.add_file(SectionType::ramdisk, ramdisk));
  }
  Measurements out = image.measure();
  if (spec.signer != nullptr) {
    COFFERDAM_TRY(const Bytes section, spec.signer->sign(out.pcr0));
    COFFERDAM_CHECK(image.add(SectionType::signature, section));
    out.pcr8 = spec.signer->certificate().pcr8;
  }
  COFFERDAM_CHECK(image.commit());
  return out;
}

Result<Measurements> sign_image(const std::filesystem::path& path, const Signer& signer) {
  COFFERDAM_TRY(const Image image, Image::open(path));
  if (image.header().version < kSignatureVersion) {
    return bad("an image of version 2 cannot carry a signature; build it anew");
  }
  const Image::Scan found = image.scan();
  if (!found.crc_matches) {
    return fail(Errc::invalid_input, "bad_crc", "the image is damaged: its CRC is wrong");
  }
  Measurements out = found.measurements;
  COFFERDAM_TRY(const Bytes section, signer.sign(out.pcr0));
  out.pcr8 = signer.certificate().pcr8;

  const SignaturePlace place = signature_place(image);
  COFFERDAM_TRY(Header header, header_with_signature(image, place, section.size()));
  const Bytes section_header =
      SectionHeader{.type = SectionType::signature, .size = section.size()}.encode();
  const ByteView before = image.bytes().first(place.begin).subspan(kHeaderSize);
  const ByteView after = image.bytes().subspan(place.end);
  Crc32 body;
  for (const ByteView part : {before, ByteView(section_header), ByteView(section), after}) {
    body.update(part);
  }
  header.crc = image_crc(header, body);

  COFFERDAM_TRY(OutputFile file, OutputFile::create(path));
  const Bytes head = header.encode();
  for (const ByteView part :
       {ByteView(head), before, ByteView(section_header), ByteView(section), after}) {
    COFFERDAM_CHECK(file.append(part));
  }
  COFFERDAM_CHECK(file.commit());
  return out;
}

}  // namespace cofferdam::eif
