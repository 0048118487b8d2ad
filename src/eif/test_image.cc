// SPDX-License-Identifier: Apache-2.0
#include "eif/test_image.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "bytes/byte_writer.h"
#include "crypto/certificate_builder.h"
#include "crypto/pem.h"
#include "eif/crc32.h"
#include "eif/reader.h"

namespace cofferdam::eif::test {
namespace {

void put(Bytes& image, std::size_t offset, ByteView value) {
  std::ranges::copy(value, image.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

std::vector<Part> small_parts() {
  return {{SectionType::kernel, "kernel"},
          {SectionType::cmdline, "console=ttyS0"},
          {SectionType::metadata, R"({"ImageName":"small"})"},
          {SectionType::ramdisk, "boot ramdisk"},
          {SectionType::ramdisk, "application ramdisk"}};
}

Bytes assemble(const std::vector<Part>& parts, std::uint16_t version) {
  Header header;
  header.version = version;
  ByteWriter body;
  for (const Part& part : parts) {
    body.bytes(Bytes(part.gap, 0xee));
    header.offsets[header.section_count] = kHeaderSize + body.view().size();
    header.sizes[header.section_count] = part.data.size();
    ++header.section_count;
    body.bytes(SectionHeader{.type = part.type, .size = part.data.size()}.encode());
    body.bytes(as_bytes(part.data));
  }
  ByteWriter out;
  out.bytes(header.encode());
  out.bytes(body.view());
  Bytes image = std::move(out).take();
  fix_crc(image);
  return image;
}

void fix_crc(Bytes& image) {
  Crc32 crc;
  crc.update(ByteView(image).first(kCrcOffset));
  crc.update(ByteView(image).subspan(kHeaderSize));
  ByteWriter value;
  value.u32(crc.value());
  put(image, kCrcOffset, value.view());
}

void put_u16(Bytes& image, std::size_t offset, std::uint16_t value) {
  ByteWriter out;
  out.u16(value);
  put(image, offset, out.view());
}

void put_u64(Bytes& image, std::size_t offset, std::uint64_t value) {
  ByteWriter out;
  out.u64(value);
  put(image, offset, out.view());
}

Credentials make_credentials(crypto::Curve curve, std::string_view not_after) {
  crypto::EcPrivateKey key = crypto::EcPrivateKey::generate(curve).value();
  const crypto::Name name{{"C", "US"}, {"CN", "image signer"}};
  crypto::CertificateSpec spec;
  spec.serial = {0x01};
  spec.issuer = name;
  spec.subject = name;
  spec.not_before = parse_rfc3339("2020-01-01T00:00:00Z").value();
  spec.not_after = parse_rfc3339(not_after).value();
  const Bytes der = crypto::build_certificate(spec, key.public_key(), key).value();
  return {.certificate = crypto::pem_encode("CERTIFICATE", der), .key = std::move(key)};
}

Signer make_signer(crypto::Curve curve) {
  Credentials credentials = make_credentials(curve);
  return Signer::make(std::move(credentials.certificate), std::move(credentials.key)).value();
}

Bytes signed_by(const Signer& signer, std::vector<Part> parts) {
  const Bytes unsigned_image = assemble(parts);
  const crypto::Sha384 pcr0 = Image::parse(unsigned_image).value().scan().value().measurements.pcr0;
  const Bytes section = signer.sign(pcr0).value();
  parts.push_back({SectionType::signature, as_text(section)});
  return assemble(parts);
}

std::optional<std::string> run(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  std::array<char, 4096> buffer{};
  std::size_t got = 0;
  while ((got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    out.append(buffer.data(), got);
  }
  if (pclose(pipe) != 0) return std::nullopt;
  return out;
}

std::filesystem::path vectors_folder() {
  const char* configured = std::getenv("COFFERDAM_VECTORS");
  const std::filesystem::path folder = configured != nullptr ? configured : "../shared/vectors";
  std::error_code ignored;
  return std::filesystem::is_directory(folder, ignored) ? folder : std::filesystem::path();
}

}  // namespace cofferdam::eif::test
