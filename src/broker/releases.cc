// SPDX-License-Identifier: Apache-2.0
#include "broker/releases.h"

#include <algorithm>

#include "base/encoding.h"

namespace cofferdam::broker {
namespace {

bool fits_a_subject(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool has_all(const attest::Pcrs& pcrs, const attest::Pcrs& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& entry) {
    const auto found = pcrs.find(entry.first);
    return found != pcrs.end() && found->second == entry.second;
  });
}

}  // namespace

Status KnownReleases::add(ByteView bytes, Timestamp now) {
  COFFERDAM_TRY(const auto unverified, attest::parse_release_manifest(bytes));
  // Its own registers: what remains to be judged is the signature and the date.
  COFFERDAM_TRY(auto manifest,
                attest::verify_release_manifest(bytes, unverified.manifest.pcrs,
                                                {.name = unverified.manifest.name, .at = now}));
  if (!fits_a_subject(manifest.name)) {
    return fail(Errc::invalid_input,
                "the release's name has other characters than letters, digits, '.', '_' and '-'");
  }
  if (releases_.size() >= kMaxReleases) {
    return fail(Errc::invalid_input, "more than 256 release manifests");
  }
  if (std::ranges::any_of(releases_,
                          [&](const auto& known) { return known.pcrs == manifest.pcrs; })) {
    return fail(Errc::invalid_input, "two release manifests have the same measurements");
  }
  releases_.push_back(std::move(manifest));
  return {};
}

std::optional<Release> KnownReleases::find(const attest::Pcrs& pcrs, Timestamp now) const {
  for (const attest::ReleaseManifest& known : releases_) {
    if (has_all(pcrs, known.pcrs) && now < known.not_after) {
      return Release{.name = known.name, .number = known.release};
    }
  }
  return std::nullopt;
}

std::string subject_of(const std::optional<Release>& release, const attest::Pcrs& pcrs) {
  if (release) return "cofferdam:" + release->name + ":release:" + std::to_string(release->number);
  const auto image = pcrs.find(0);
  return "cofferdam:pcr0:" + (image == pcrs.end() ? std::string() : to_hex(image->second));
}

}  // namespace cofferdam::broker
