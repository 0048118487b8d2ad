// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"

namespace cofferdam::ledger {

// The latest head of each ledger, as a verifier keeps them between two looks: a file of its
// own, away from whoever stores the ledger, with one signed head in canonical JSON on each
// line.

// A missing file is one without heads. Errc::invalid_input for anything but such lines, or
// two heads of one ledger.
Result<std::vector<SignedHead>> read_kept_heads(const std::filesystem::path& path);

Status write_kept_heads(const std::filesystem::path& path, const std::vector<SignedHead>& heads);

// `kept` with each head of `seen` in place of the one it goes beyond.
std::vector<SignedHead> advance(std::vector<SignedHead> kept, const std::vector<SignedHead>& seen);

}  // namespace cofferdam::ledger
