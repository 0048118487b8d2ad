// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "base/byte_view.h"
#include "crypto/digest.h"
#include "eif/crc32.h"
#include "eif/format.h"

namespace cofferdam::eif {

// What the Nitro hypervisor will find in the registers of an enclave of this image. The
// contents are hashed one after the other without lengths, so PCR0 alone does not say
// where the command line ends and a ramdisk begins: compare PCR0, PCR1 and PCR2, and PCR8.
struct Measurements {
  crypto::Sha384 pcr0{};               // kernel, command line and all ramdisks
  crypto::Sha384 pcr1{};               // kernel, command line and the first ramdisk
  crypto::Sha384 pcr2{};               // the other ramdisks
  std::optional<crypto::Sha384> pcr8;  // the signing certificate, of a signed image

  bool operator==(const Measurements&) const = default;
};

// A register that was zero and was extended once: SHA384(48 zero bytes, SHA384(content)).
crypto::Sha384 measure_bytes(ByteView content);

// The CRC and the measurements of an image, from one walk over its bytes in file order.
// Bytes are summed and hashed while they are in the cache, the overlapping registers at
// the same time: PCR0 and PCR1 share one hash until they part, and what PCR2 needs runs
// on a second thread. Not safe for concurrent use.
class ImageDigest {
 public:
  ImageDigest();
  ImageDigest(ImageDigest&&) noexcept;
  ImageDigest& operator=(ImageDigest&&) noexcept;
  ~ImageDigest();

  // Bytes that only the CRC covers: section headers, padding.
  void frame(ByteView bytes);

  // Starts the content of the next section, which then comes in pieces.
  void section(SectionType type);
  void content(ByteView piece);

  // The CRC of all bytes so far.
  const Crc32& crc() const noexcept { return crc_; }

  // PCR0, PCR1 and PCR2 of the sections so far. Call once, at the end.
  Measurements finish();

 private:
  class Lane;

  Crc32 crc_;
  crypto::Sha384Stream image_;                // PCR0, and PCR1 while the two agree
  std::optional<crypto::Sha384Stream> boot_;  // PCR1, from the second ramdisk on
  crypto::Sha384Stream application_;          // PCR2
  SectionType type_ = SectionType::metadata;
  unsigned ramdisks_ = 0;
  std::unique_ptr<Lane> lane_;
};

}  // namespace cofferdam::eif
