// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/ec.h"
#include "crypto/pkcs11_uri.h"

namespace cofferdam::crypto {

// Asks for the PIN of the token with this label, as it names itself.
using PinSource = std::function<Result<Secret>(std::string_view token)>;

struct Pkcs11Options {
  Pkcs11Uri uri;
  std::filesystem::path module;  // The token's shared library; else the URI's module-path.
  PinSource pin;                 // Called at most once, and only if the token wants a PIN.

  // The key's public half, for a token that does not hold it.
  std::optional<EcPublicKey> public_key;
};

// Opens a private key on P-256, P-384 or P-521 in a PKCS #11 token; the key stays there.
// The module's code runs in this process, so name one you trust.
//
// A PIN is tried once; none is tried when the token says that one more wrong PIN would lock
// it. Errors: Errc::not_found (no such token or key), Errc::invalid_input (the URI fits
// several), Errc::denied (PIN, permission), Errc::unavailable. A process may have one key of
// a module open at a time; a key serves one thread.
Result<std::unique_ptr<const SigningKey>> open_pkcs11_key(const Pkcs11Options& options);

}  // namespace cofferdam::crypto
