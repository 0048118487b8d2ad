// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bytes/byte_source.h"
#include "image/spool.h"
#include "image/tree.h"

// One layer of a container image, and how it changes what lies below. Source: OCI
// image-spec layer.md.
namespace cofferdam::image {

struct LayerEntry {
  std::string path;
  Node node;
  std::string link;  // The existing file, of a hard link; the node is not used then.
};

// A layer's entries in their order, and what it takes away from the layers below: never
// from itself, so the order of whiteouts does not matter.
struct Layer {
  std::vector<LayerEntry> entries;
  std::vector<std::string> removed;  // Paths, of ".wh.NAME".
  std::vector<std::string> emptied;  // Folders, of ".wh..wh..opq".
};

// Where the contents of a layer's files are kept.
struct LayerContents {
  const ContentSource* source = nullptr;  // Belongs to the tree.
  std::uint64_t base = 0;                 // Where the tar archive begins in it, or
  Spool* spool = nullptr;                 // what contents are copied to: then the source.
};

// Reads a tar archive to its end. Errc::invalid_input with a reason: what tar::Reader
// refuses, whiteouts without a name, contents over the limits together.
Result<Layer> read_layer(ByteSource& archive, const LayerContents& contents,
                         const TreeLimits& limits);

// Lays a layer over the tree, as container runtimes do: parents that are symbolic links are
// followed within the root, wherever they lead. The tree is of no use after an error: an
// entry that occurs twice (folders may, with the same attributes), links that go round, and
// what FileTree refuses.
Status apply_layer(FileTree& tree, Layer layer);

}  // namespace cofferdam::image
