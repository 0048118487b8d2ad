// SPDX-License-Identifier: Apache-2.0
#include "eif/metadata.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

namespace cofferdam::eif {
namespace {

// Cuts `text` at the next `separator` and returns what was before it.
std::string_view next_piece(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

std::optional<KernelIdentity> identity_in(std::string_view line) {
  constexpr std::string_view kEnd = "Kernel Configuration";
  if (!line.starts_with("# ") || !line.ends_with(kEnd)) return std::nullopt;
  line.remove_prefix(2);
  std::string_view system = next_piece(line, ' ');
  const std::string_view version = next_piece(line, ' ');
  if (line != kEnd || !system.contains('/')) return std::nullopt;
  return KernelIdentity{.operating_system = std::string(next_piece(system, '/')),
                        .version = std::string(version)};
}

}  // namespace

std::string make_metadata(const BuildInfo& info) {
  const json::object build{{"BuildTime", format_rfc3339(info.build_time)},
                           {"BuildTool", "cofferdam"},
                           {"BuildToolVersion", COFFERDAM_VERSION},
                           {"OperatingSystem", info.operating_system},
                           {"KernelVersion", info.kernel_version}};
  // Empty but present: nitro-cli takes an image without these for damaged.
  return json::serialize(json::object{{"ImageName", info.image_name},
                                      {"ImageVersion", info.image_version},
                                      {"BuildMetadata", build},
                                      {"DockerInfo", json::object{}},
                                      {"CustomMetadata", info.custom}});
}

Result<json::object> parse_custom_metadata(std::string_view text) {
  COFFERDAM_TRY(json::value value, parse_json(text, kMaxCustomMetadataSize));
  if (!value.is_object()) return fail(Errc::invalid_input, "custom metadata: expected an object");
  return std::move(value).as_object();
}

std::optional<KernelIdentity> kernel_identity(std::string_view config) {
  for (int line = 0; line < 10 && !config.empty(); ++line) {
    if (auto found = identity_in(next_piece(config, '\n'))) return found;
  }
  return std::nullopt;
}

}  // namespace cofferdam::eif
