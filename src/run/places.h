// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

// Where `cofferdam run` keeps its things. Nothing here is made; that is for its users.
namespace cofferdam::run {

// What runs now, one folder per enclave: $XDG_RUNTIME_DIR/cofferdam, or /run/cofferdam for
// root, or /tmp/cofferdam-UID.
std::filesystem::path runtime_folder();

// Unpacked images, on disk: below $TMPDIR, or /var/tmp, in cofferdam-run-UID.
std::filesystem::path scratch_folder();

// The root of the emulated NSM where none is named: ~/.cofferdam/nsm, kept from run to run so
// that documents go on verifying. Errc::not_found without a home folder.
Result<std::filesystem::path> default_nsm_folder();

// Makes a folder of this user alone (0700). One that exists already must be a folder, not a
// link to one, of this user and closed to all others: somebody else may have been first in
// /tmp. Errc::denied otherwise.
Status make_own_folder(const std::filesystem::path& path);

}  // namespace cofferdam::run
