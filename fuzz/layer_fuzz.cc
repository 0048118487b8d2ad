// SPDX-License-Identifier: Apache-2.0
// Target: two layers, one over the other. The first byte says how many blocks the lower one
// has. Whatever they hold, the tree stays sound: each parent is a folder, no path leaves the
// root, and the order of whiteouts within a layer changes nothing.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "bytes/cpio.h"
#include "image/layer.h"

namespace cofferdam::image {
namespace {

const MemoryContent kContents;

Result<Layer> read(ByteView archive) {
  MemorySource source(archive);
  return read_layer(source, {.source = &kContents, .base = 0, .spool = nullptr},
                    {.max_entries = 1000, .max_content_size = 100'000});
}

void check_sound(const FileTree& tree) {
  for (const auto& entry : tree.entries()) {
    const std::size_t slash = entry.path.rfind('/');
    const Node* parent =
        tree.find(slash == entry.path.npos ? std::string_view() : entry.path.substr(0, slash));
    if (parent == nullptr || parent->type() != cpio::kDirectory) std::abort();
    if (("/" + std::string(entry.path) + "/").find("/../") != std::string::npos) std::abort();
  }
}

std::string paths_of(const FileTree& tree) {
  std::string out;
  for (const auto& entry : tree.entries()) {
    out.append(entry.path).append(" ").append(std::to_string(entry.node->mode)).append("\n");
  }
  return out;
}

bool apply(FileTree& tree, ByteView archive, bool reverse_whiteouts) {
  auto layer = read(archive);
  if (!layer) return false;
  if (reverse_whiteouts) {
    std::ranges::reverse(layer->removed);
    std::ranges::reverse(layer->emptied);
  }
  const bool applied = apply_layer(tree, *std::move(layer)).has_value();
  check_sound(tree);
  return applied;
}

void check(ByteView input) {
  if (input.size() < 2) return;
  const std::size_t size = std::min<std::size_t>(std::size_t{512} * input[0], input.size() - 1);
  const ByteView lower = input.subspan(1, size);
  const ByteView upper = input.subspan(1 + size);
  FileTree forward;
  FileTree backward;
  if (!apply(forward, lower, false) || !apply(backward, lower, true)) return;
  if (apply(forward, upper, false) != apply(backward, upper, true)) std::abort();
  if (paths_of(forward) != paths_of(backward)) std::abort();
}

}  // namespace
}  // namespace cofferdam::image

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::image::check({data, size});
  return 0;
}
