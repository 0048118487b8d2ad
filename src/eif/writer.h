// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "eif/format.h"
#include "eif/measure.h"
#include "eif/signature.h"

namespace cofferdam::eif {

// What an image is made of. Paths name regular files; `signer`, where there is one, must
// outlive the call.
struct BuildSpec {
  std::filesystem::path kernel;  // bzImage, or Image on aarch64: not looked into.
  std::string cmdline;
  std::vector<std::filesystem::path> ramdisks;  // At least one; the order is measured.
  std::string metadata;                         // JSON text: see eif/metadata.h.
  Arch arch = Arch::x86_64;
  const Signer* signer = nullptr;
};

// Writes the image in the order of the official builder (kernel, command line, metadata,
// ramdisks, signature) and returns its measurements. Every input is read once. The same
// inputs give the same bytes, but for the signature, which ECDSA makes anew each time.
// `output` appears complete or not at all: a failure to sign leaves no unsigned image.
Result<Measurements> build_image(const BuildSpec& spec, const std::filesystem::path& output);

// Signs the image at `path` anew, replacing the file in one step. Everything but the
// signature section, the table's entry for it and the CRC stays as it is. Refused
// (Errc::invalid_input) for an image whose CRC is wrong and for version 2, which cannot
// carry a signature.
Result<Measurements> sign_image(const std::filesystem::path& path, const Signer& signer);

}  // namespace cofferdam::eif
