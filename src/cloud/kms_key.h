// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/key_pair.h"
#include "crypto/mac.h"

// What a KMS key is and what each kind of key can do (KMS Developer Guide, "Key spec
// reference"). Everything here is a table; nothing has state.
namespace cofferdam::cloud {

enum class KeyState : std::uint8_t { enabled, disabled, pending_deletion };

enum class KeyUsage : std::uint8_t {
  encrypt_decrypt,
  sign_verify,
  generate_verify_mac,
  key_agreement,
};

std::string_view usage_name(KeyUsage usage) noexcept;  // "ENCRYPT_DECRYPT"

// One KeySpec. A row of a table: compare by pointer.
struct KeySpec {
  std::string_view name;  // "RSA_2048"
  std::span<const KeyUsage> usages;
  std::span<const std::string_view> signing_algorithms;
  std::optional<crypto::KeyKind> pair;   // Asymmetric.
  std::optional<crypto::HmacHash> hmac;  // "HMAC_..."; neither: symmetric encryption.
  std::string_view mac_algorithm;        // "HMAC_SHA_256"

  bool symmetric() const noexcept { return !pair && !hmac; }
};

const KeySpec& symmetric_spec() noexcept;
const KeySpec* find_key_spec(std::string_view name) noexcept;
std::optional<KeyUsage> find_key_usage(std::string_view name) noexcept;
bool allows_usage(const KeySpec& spec, KeyUsage usage) noexcept;

// The names a request may give, as AWS lists them in its error texts.
std::span<const std::string_view> key_spec_names() noexcept;
std::span<const std::string_view> key_usage_names() noexcept;
std::span<const std::string_view> key_pair_spec_names() noexcept;

// The algorithms of a key with this spec and usage; empty for another usage.
std::span<const std::string_view> encryption_algorithms(const KeySpec& spec) noexcept;

struct SigningAlgorithm {
  std::string_view name;  // "RSASSA_PSS_SHA_256"
  crypto::SignatureScheme scheme;
  crypto::Hash hash;
};

const SigningAlgorithm* find_signing_algorithm(std::string_view name) noexcept;
std::span<const std::string_view> signing_algorithm_names() noexcept;
std::span<const std::string_view> mac_algorithm_names() noexcept;
std::span<const std::string_view> encryption_algorithm_names() noexcept;

// A KMS key, all but its material.
struct KeyRecord {
  std::string id;       // UUID in text.
  std::string arn;      // Full key ARN.
  std::string account;  // 12 digits.
  const KeySpec* spec = &symmetric_spec();
  KeyUsage usage = KeyUsage::encrypt_decrypt;
  KeyState state = KeyState::enabled;
  std::string description;
  Timestamp created;
  std::string policy;  // JSON, as given.
  // While the state is pending_deletion: when the key ceases to be.
  std::optional<Timestamp> deletion;
  // Automatic rotation: how often, and when next. Absent: switched off.
  std::optional<std::int64_t> rotation_days;
  std::optional<Timestamp> next_rotation;
};

}  // namespace cofferdam::cloud
