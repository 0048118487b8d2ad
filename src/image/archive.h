// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "image/input_file.h"

namespace cofferdam::image {

// The files that make up a container image, by name: "index.json", "blobs/sha256/...".
// Either a folder or a plain tar archive, whose contents are read where they lie.
class Archive {
 public:
  virtual ~Archive() = default;

  // Reads the headers of a tar archive once; its contents are passed over.
  // Errc::not_found, Errc::unavailable, or Errc::invalid_input with a reason: a compressed
  // archive, a name that occurs twice, whatever tar::Reader refuses.
  static Result<std::unique_ptr<Archive>> open(const std::filesystem::path& path);

  // A regular file; nothing if there is none of that name. In a folder, no symbolic link is
  // followed; in a tar, those that stay in it are, since `docker save` shares layers so.
  virtual Result<std::optional<FileRange>> find(std::string_view name) const = 0;

  // The same, for what must be there: Errc::invalid_input, `missing_blob`.
  Result<FileRange> get(std::string_view name) const;
};

}  // namespace cofferdam::image
