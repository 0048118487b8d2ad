// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eif/section_source.h"
#include "image/tree.h"

namespace cofferdam::image {

struct RamdiskOptions {
  // Every file's time: what --source-date-epoch says. Nothing: as the tree has it.
  std::optional<std::uint32_t> mtime = 0;
};

// A tree as a cpio archive (newc), written while the image is: size() is known from the
// inodes alone. The same tree gives the same bytes, whatever it was made from: entries in
// FileTree's order, without the root; inodes from 721 on, hard links sharing one and the
// first name with the content, directories with two links, device 3:1, padding to 512.
// Extended attributes do not fit into the format: see
// agent/process_spec.h. The tree must outlive it.
class TreeRamdisk final : public eif::SectionSource {
 public:
  // Errc::invalid_input for what cpio cannot hold, with the path and a reason: a file of
  // 4 GiB (`too_large`), a time before 1970 or after 2106 (`unsupported`), a file of the root
  // that is called "TRAILER!!!" (`bad_path`).
  static Result<TreeRamdisk> make(const FileTree& tree, const RamdiskOptions& options = {});

  std::uint64_t size() const override { return size_; }
  Status write_to(const ByteSink& sink) override;

 private:
  TreeRamdisk(const FileTree& tree, RamdiskOptions options, std::uint64_t size)
      : tree_(&tree), options_(options), size_(size) {}

  const FileTree* tree_;
  RamdiskOptions options_;
  std::uint64_t size_;
};

}  // namespace cofferdam::image
