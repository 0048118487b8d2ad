// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/secret.h"

// For tests only.
namespace cofferdam::crypto::test {

// What an attacker who knows two keys can make: one message that aead_open() opens under
// either, with the same associated data, to two different plaintexts of 32 bytes (Dodis,
// Grubbs, Ristenpart and Woodage, "Fast Message Franking: From Invisible Salamanders to
// Encryptment", CRYPTO 2018).
Bytes sealed_under_two_keys(const Secret& one, const Secret& two, ByteView associated_data);

}  // namespace cofferdam::crypto::test
