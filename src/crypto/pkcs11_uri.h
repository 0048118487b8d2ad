// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::crypto {

// Which private key of which token: a PKCS #11 URI (RFC 7512), such as
// "pkcs11:token=release;object=image%20key;type=private?module-path=/usr/lib/x.so".
//
// An attribute left out matches everything. A path attribute of the RFC that is not here
// (library-..., slot-description, slot-manufacturer) and a vendor's own are refused, since
// to ignore one could pick another key than the one that was meant; so is pin-value, since
// it puts a PIN where others can read it. Unknown query attributes are ignored (section 2.4
// of the RFC).
struct Pkcs11Uri {
  std::optional<std::string> token;  // Label of the token.
  std::optional<std::string> serial;
  std::optional<std::string> manufacturer;
  std::optional<std::string> model;
  std::optional<std::string> object;  // Label of the key.
  std::optional<Bytes> id;            // CKA_ID of the key.
  std::optional<std::uint64_t> slot_id;
  std::optional<std::filesystem::path> module_path;
  std::optional<std::filesystem::path> pin_source;

  bool operator==(const Pkcs11Uri&) const = default;

  // Errc::invalid_input: other characters than the RFC has, a broken percent escape, an
  // attribute twice, a type other than "private", a path that is not absolute.
  static Result<Pkcs11Uri> parse(std::string_view text);

  // The URI in its shortest form, attributes in the order above.
  std::string to_string() const;
};

inline constexpr std::string_view kPkcs11Scheme = "pkcs11:";
inline constexpr std::size_t kMaxPkcs11UriSize = 4096;

}  // namespace cofferdam::crypto
