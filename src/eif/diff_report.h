// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "eif/diff.h"

namespace cofferdam::eif {

// What is compared, as the user calls it.
struct DiffNames {
  std::string_view a;
  std::string_view b;
};

// For machines: stable, described in docs/eif.md.
json::object diff_json(const ImageDiff& diff, DiffNames names);

// For people: the registers, then the sections, then one sentence.
std::string diff_text(const ImageDiff& diff, DiffNames names);

}  // namespace cofferdam::eif
