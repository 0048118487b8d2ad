// SPDX-License-Identifier: Apache-2.0
// Target: the documents of a container image. Digests and names that are accepted can be
// used as names of files; nothing that becomes an argument or a variable holds a NUL.
#include <algorithm>
#include <cstdlib>

#include "image/oci_json.h"

namespace cofferdam::image {
namespace {

void check_descriptor(const Descriptor& descriptor) {
  const auto again = Digest::parse(descriptor.digest.to_string());
  if (!again || *again != descriptor.digest) std::abort();
  if (descriptor.is_index() && descriptor.is_manifest()) std::abort();
}

void check_texts(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.find('\0') != text.npos) std::abort();
  }
}

void check_config(const ImageConfig& config, const ContainerLimits& limits) {
  check_texts(config.config.env);
  check_texts(config.config.cmd.value_or(std::vector<std::string>()));
  check_texts(config.config.entrypoint.value_or(std::vector<std::string>()));
  check_texts({config.config.user, config.config.working_dir, config.config.stop_signal});
  if (config.diff_ids.size() > limits.max_layers) std::abort();
}

void check(std::string_view text) {
  const ContainerLimits limits{.tree = {}, .max_layers = 4, .max_json_size = 10'000};
  if (check_layout_file(text) && text.size() > 4096) std::abort();
  if (const auto index = parse_index(text, limits)) std::ranges::for_each(*index, check_descriptor);
  if (const auto manifest = parse_manifest(text, limits)) {
    check_descriptor(manifest->config);
    std::ranges::for_each(manifest->layers, check_descriptor);
    if (manifest->layers.size() > limits.max_layers) std::abort();
  }
  if (const auto config = parse_image_config(text, limits)) check_config(*config, limits);
  if (const auto saved = parse_saved_images(text, limits)) {
    for (const SavedImage& image : *saved) {
      if (image.layers.size() > limits.max_layers) std::abort();
    }
  }
}

}  // namespace
}  // namespace cofferdam::image

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::image::check(cofferdam::as_text({data, size}));
  return 0;
}
