// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "eif/format.h"
#include "eif/measure.h"
#include "eif/section_source.h"
#include "eif/signature.h"

namespace cofferdam::eif {

// What an image is made of; used once, since the ramdisks are. `signer`, where there is one,
// must outlive the call.
struct BuildSpec {
  std::filesystem::path kernel;  // bzImage, or Image on aarch64: not looked into.
  std::string cmdline;
  // At least one; the order is measured. Files: see open_files().
  std::vector<std::unique_ptr<SectionSource>> ramdisks;
  std::string metadata;  // JSON text: see eif/metadata.h.
  Arch arch = Arch::x86_64;
  const Signer* signer = nullptr;
  // Told now and then how many bytes of kernel and ramdisks have been read.
  std::function<void(std::uint64_t bytes)> progress = {};
};

// Writes the image in the order of the official builder (kernel, command line, metadata,
// ramdisks, signature) and returns its measurements. Every input is read once, in pieces:
// memory does not grow with the image. The same inputs give the same bytes, but for the
// signature, which ECDSA makes anew each time. `output` appears complete and on disk, or
// not at all: neither a full disk nor a failure to sign leaves half an image.
Result<Measurements> build_image(BuildSpec spec, const std::filesystem::path& output);

// Signs the image at `path` anew, replacing the file in one step. Everything but the
// signature section, the table's entry for it and the CRC stays as it is. Refused
// (Errc::invalid_input) for an image whose CRC is wrong (`bad_crc`) and for version 2, which
// cannot carry a signature.
Result<Measurements> sign_image(const std::filesystem::path& path, const Signer& signer);

// The same with a signature section made elsewhere, over `pcr0`. Refused with reason
// `wrong_image` if that is not the image's PCR0, and for a section without a certificate;
// the signature itself is not judged: see verify_signature().
Result<Measurements> replace_signature(const std::filesystem::path& path, ByteView section,
                                       const crypto::Sha384& pcr0);

}  // namespace cofferdam::eif
