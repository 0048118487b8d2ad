// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"
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

// The CRC and the measurements of an image, from one walk over its bytes in file order,
// which it may copy meanwhile. Bytes are gathered into blocks; from the first full one on,
// threads of its own hash and copy them while the caller fetches the next. PCR0 and PCR1
// share one hash until they part, and PCR2 has a thread of its own. Memory is a few
// megabytes whatever the size. Not safe for concurrent use.
//
// A failure of the copy is returned by one of the next calls, after which the object is of
// no further use.
class ImageDigest {
 public:
  // `copy_to` gets all bytes in order, perhaps on another thread.
  explicit ImageDigest(ByteSink copy_to = {});
  ~ImageDigest();
  ImageDigest(const ImageDigest&) = delete;
  ImageDigest& operator=(const ImageDigest&) = delete;

  // Bytes that only the CRC covers: section headers, padding.
  Status frame(ByteView bytes);

  // Starts the content of the next section, which then comes in pieces.
  void section(SectionType type);
  Status content(ByteView piece);

  // PCR0, PCR1 and PCR2 of the sections so far. Call once; what follows is not measured.
  Result<Measurements> finish();

  // The CRC of all bytes so far, now that they are copied too.
  Result<Crc32> crc();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::eif
