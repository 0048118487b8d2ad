// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "attest/verifier.h"
#include "base/file.h"

// For tests only: foreign vectors, and verdicts as one word.
namespace cofferdam::attest::test {

inline std::filesystem::path vectors_folder() {
  const char* const folder = std::getenv("COFFERDAM_VECTORS");
  return folder != nullptr ? folder : "../shared/vectors";
}

inline std::vector<std::filesystem::path> vector_files(std::string_view folder,
                                                       std::string_view extension) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(vectors_folder() / folder)) {
    if (entry.path().extension() == extension) out.push_back(entry.path());
  }
  return out;
}

inline Bytes read(const std::filesystem::path& path) {
  return read_file(path, std::size_t{1} << 20).value();
}

// "accepted", or the reason code of the refusal.
inline std::string judge(const Verifier& verifier, ByteView document,
                         const Expectations& expected) {
  const auto verified = verifier.verify(document, expected);
  if (verified) return "accepted";
  return verified.error().reason.empty() ? "no reason: " + verified.error().detail
                                         : std::string(verified.error().reason);
}

}  // namespace cofferdam::attest::test
