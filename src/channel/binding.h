// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/byte_view.h"
#include "crypto/digest.h"
#include "net/tls_peer.h"

// What a document vouches for when it speaks of a TLS key: its user_data. Byte for byte in
// docs/channel.md.
namespace cofferdam::channel {

inline constexpr std::string_view kBindingDomain = "cofferdam/channel/v1";

// Which end of the connection the document speaks for: an answer given as a server is never
// one of a client.
enum class Role : std::uint8_t { server, client };
std::string_view role_name(Role role) noexcept;  // "server", "client"

inline constexpr std::size_t kChallengeSize = 32;
using Challenge = std::array<std::uint8_t, kChallengeSize>;

// user_data of the document inside a certificate: SHA-384 of the deterministic CBOR
// ["cofferdam/channel/v1", "certificate", role, SPKI].
crypto::Sha384 certificate_binding(Role role, ByteView spki);

// user_data of the answer to a challenge: SHA-384 of
// ["cofferdam/channel/v1", "challenge", role, SPKI, exporter]. The challenge itself is the
// document's nonce.
crypto::Sha384 challenge_binding(Role role, ByteView spki, const net::TlsExporter& exporter);

}  // namespace cofferdam::channel
