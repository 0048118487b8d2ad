// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/document.h"
#include "attest/release_manifest.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::broker {

// Which release runs, as its owner's manifest says of its measurements.
struct Release {
  std::string name;
  std::uint64_t number = 0;
};

// The releases that the broker's configuration names. The files come from whoever runs the
// broker; their signatures are checked all the same, so that a broken one is found at once.
class KnownReleases {
 public:
  static constexpr std::size_t kMaxReleases = 256;

  // Adds a signed manifest (attest/release_manifest.h). Errc::invalid_input for one that does
  // not verify, that has expired, whose name is more than letters, digits, '.', '_' and '-'
  // (it becomes part of a subject), or that has the measurements of another one.
  Status add(ByteView manifest, Timestamp now);

  // The release whose registers are all these, unless its manifest has expired.
  std::optional<Release> find(const attest::Pcrs& pcrs, Timestamp now) const;

  bool empty() const noexcept { return releases_.empty(); }

 private:
  std::vector<attest::ReleaseManifest> releases_;
};

// "cofferdam:NAME:release:N", or "cofferdam:pcr0:HEX" of a release that nobody named: the same
// for every instance of it.
std::string subject_of(const std::optional<Release>& release, const attest::Pcrs& pcrs);

}  // namespace cofferdam::broker
