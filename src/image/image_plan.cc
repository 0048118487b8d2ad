// SPDX-License-Identifier: Apache-2.0
#include "image/image_plan.h"

namespace cofferdam::image {
namespace {

// As docker writes names out in full.
std::string full_reference(std::string_view name) {
  std::string out(name);
  const std::size_t slash = out.find('/');
  const std::string_view first = std::string_view(out).substr(0, slash);
  const bool has_host =
      slash != out.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
  if (!has_host) out.insert(0, slash == out.npos ? "docker.io/library/" : "docker.io/");
  const std::size_t last = out.rfind('/') + 1;
  if (out.find_first_of(":@", last) == out.npos) out += ":latest";
  return out;
}

}  // namespace

std::optional<eif::Arch> arch_of(const Platform& platform) {
  if (platform.os != "linux") return std::nullopt;
  if (platform.architecture == "amd64") return eif::Arch::x86_64;
  if (platform.architecture == "arm64") return eif::Arch::aarch64;
  return std::nullopt;
}

bool same_reference(std::string_view name, std::string_view wanted) {
  if (name.empty() || wanted.empty()) return false;
  return name == wanted || full_reference(name) == full_reference(wanted);
}

}  // namespace cofferdam::image
