// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/pkcs11_key.h"

namespace cofferdam::cli {

// Where the PIN of a token comes from: the file, without a line end at its end, or, without
// a file, the terminal if there is someone at it. Never an argument or the environment.
crypto::PinSource pin_source(std::filesystem::path file);

// Writes `prompt` to a terminal and reads one line without showing it. Ctrl-C and Ctrl-D are
// Errc::denied; a line of more than 256 octets is Errc::invalid_input. The terminal is as
// before afterwards.
Result<Secret> read_hidden_line(int terminal, std::string_view prompt);

}  // namespace cofferdam::cli
