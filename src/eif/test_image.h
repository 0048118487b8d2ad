// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "crypto/ec.h"
#include "eif/format.h"
#include "eif/signature.h"

// What the tests of this folder share: images put together by hand, so that they can be
// wrong, and signers of their own.
namespace cofferdam::eif::test {

struct Part {
  SectionType type;
  std::string_view data;
  std::size_t gap = 0;  // Bytes of 0xee before the section.
};

// Kernel, command line, metadata and two ramdisks of a few bytes each.
std::vector<Part> small_parts();

// A file of these parts with a right CRC; `change` may spoil the header first.
Bytes assemble(const std::vector<Part>& parts, std::uint16_t version = kCurrentVersion);

// Puts the right CRC into a file that a test has changed.
void fix_crc(Bytes& image);

// Overwrites big-endian integers in a file.
void put_u16(Bytes& image, std::size_t offset, std::uint16_t value);
void put_u64(Bytes& image, std::size_t offset, std::uint64_t value);

// Offsets of the header's fields, as the format states them.
inline constexpr std::size_t kVersionAt = 4;
inline constexpr std::size_t kFlagsAt = 6;
inline constexpr std::size_t kCountAt = 0x1a;
inline constexpr std::size_t kOffsetsAt = 0x1c;
inline constexpr std::size_t kSizesAt = 0x11c;

struct Credentials {
  std::string certificate;
  crypto::EcPrivateKey key;
};
// A self-signed certificate, valid from 2020 to 2100 unless told otherwise.
Credentials make_credentials(crypto::Curve curve,
                             std::string_view not_after = "2100-01-01T00:00:00Z");
Signer make_signer(crypto::Curve curve);

// An image's bytes with a signature section by `signer` added at the end.
Bytes signed_by(const Signer& signer, std::vector<Part> parts);

// Runs a command line; its standard output, or nothing if it failed.
std::optional<std::string> run(const std::string& command);

// Where the vectors are; empty where they are not.
std::filesystem::path vectors_folder();

}  // namespace cofferdam::eif::test
