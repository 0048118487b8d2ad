// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_key.h"

#include <algorithm>
#include <array>

namespace cofferdam::cloud {
namespace {

using crypto::Hash;
using crypto::HmacHash;
using crypto::KeyKind;
using crypto::SignatureScheme;
using std::string_view;

constexpr std::array kUsageNames{string_view("ENCRYPT_DECRYPT"), string_view("SIGN_VERIFY"),
                                 string_view("GENERATE_VERIFY_MAC"), string_view("KEY_AGREEMENT")};

constexpr std::array kSigningAlgorithms{
    SigningAlgorithm{"RSASSA_PSS_SHA_256", SignatureScheme::rsa_pss, Hash::sha256},
    SigningAlgorithm{"RSASSA_PSS_SHA_384", SignatureScheme::rsa_pss, Hash::sha384},
    SigningAlgorithm{"RSASSA_PSS_SHA_512", SignatureScheme::rsa_pss, Hash::sha512},
    SigningAlgorithm{"RSASSA_PKCS1_V1_5_SHA_256", SignatureScheme::rsa_pkcs1, Hash::sha256},
    SigningAlgorithm{"RSASSA_PKCS1_V1_5_SHA_384", SignatureScheme::rsa_pkcs1, Hash::sha384},
    SigningAlgorithm{"RSASSA_PKCS1_V1_5_SHA_512", SignatureScheme::rsa_pkcs1, Hash::sha512},
    SigningAlgorithm{"ECDSA_SHA_256", SignatureScheme::ecdsa, Hash::sha256},
    SigningAlgorithm{"ECDSA_SHA_384", SignatureScheme::ecdsa, Hash::sha384},
    SigningAlgorithm{"ECDSA_SHA_512", SignatureScheme::ecdsa, Hash::sha512},
};

// The names of a table's rows.
template <class Row, std::size_t kSize>
constexpr auto names_of(const std::array<Row, kSize>& rows) {
  std::array<string_view, kSize> names;
  std::ranges::transform(rows, names.begin(), &Row::name);
  return names;
}

constexpr auto kSigningNames = names_of(kSigningAlgorithms);
constexpr std::span<const string_view> kAllSigning = kSigningNames;
constexpr auto kRsaSigning = kAllSigning.first(6);
constexpr auto kEcdsa256 = kAllSigning.subspan(6, 1);
constexpr auto kEcdsa384 = kAllSigning.subspan(7, 1);
constexpr auto kEcdsa512 = kAllSigning.subspan(8, 1);

constexpr std::array kEncryptionNames{string_view("SYMMETRIC_DEFAULT"),
                                      string_view("RSAES_OAEP_SHA_1"),
                                      string_view("RSAES_OAEP_SHA_256")};
constexpr std::span<const string_view> kAllEncryption = kEncryptionNames;

constexpr std::array kEncrypts{KeyUsage::encrypt_decrypt};
constexpr std::array kEncryptsOrSigns{KeyUsage::encrypt_decrypt, KeyUsage::sign_verify};
constexpr std::array kSignsOrAgrees{KeyUsage::sign_verify, KeyUsage::key_agreement};
constexpr std::array kSigns{KeyUsage::sign_verify};
constexpr std::array kMacs{KeyUsage::generate_verify_mac};

constexpr KeySpec rsa(string_view name, KeyKind kind) {
  return {name, kEncryptsOrSigns, kRsaSigning, kind, std::nullopt, {}};
}
constexpr KeySpec curve(string_view name, KeyKind kind, std::span<const KeyUsage> usages,
                        std::span<const string_view> signing) {
  return {name, usages, signing, kind, std::nullopt, {}};
}
constexpr KeySpec hmac(string_view name, HmacHash hash, string_view algorithm) {
  return {name, kMacs, {}, std::nullopt, hash, algorithm};
}

constexpr std::array kSpecs{
    rsa("RSA_2048", KeyKind::rsa_2048),
    rsa("RSA_3072", KeyKind::rsa_3072),
    rsa("RSA_4096", KeyKind::rsa_4096),
    curve("ECC_NIST_P256", KeyKind::p256, kSignsOrAgrees, kEcdsa256),
    curve("ECC_NIST_P384", KeyKind::p384, kSignsOrAgrees, kEcdsa384),
    curve("ECC_NIST_P521", KeyKind::p521, kSignsOrAgrees, kEcdsa512),
    curve("ECC_SECG_P256K1", KeyKind::secp256k1, kSigns, kEcdsa256),
    KeySpec{"SYMMETRIC_DEFAULT", kEncrypts, {}, std::nullopt, std::nullopt, {}},
    hmac("HMAC_224", HmacHash::sha224, "HMAC_SHA_224"),
    hmac("HMAC_256", HmacHash::sha256, "HMAC_SHA_256"),
    hmac("HMAC_384", HmacHash::sha384, "HMAC_SHA_384"),
    hmac("HMAC_512", HmacHash::sha512, "HMAC_SHA_512"),
};
constexpr auto kSpecNames = names_of(kSpecs);
constexpr std::size_t kPairSpecs = 7;
constexpr std::size_t kSymmetric = 7;
static_assert(kSpecs[kSymmetric].name == "SYMMETRIC_DEFAULT");

constexpr std::array kMacNames{string_view("HMAC_SHA_224"), string_view("HMAC_SHA_256"),
                               string_view("HMAC_SHA_384"), string_view("HMAC_SHA_512")};

template <class Row, std::size_t kSize>
const Row* find_row(const std::array<Row, kSize>& rows, string_view name) noexcept {
  const auto* found = std::ranges::find(rows, name, &Row::name);
  return found == rows.end() ? nullptr : found;
}

}  // namespace

string_view usage_name(KeyUsage usage) noexcept {
  return kUsageNames[static_cast<std::size_t>(usage)];
}

const KeySpec& symmetric_spec() noexcept { return kSpecs[kSymmetric]; }

const KeySpec* find_key_spec(string_view name) noexcept { return find_row(kSpecs, name); }

std::optional<KeyUsage> find_key_usage(string_view name) noexcept {
  const auto* found = std::ranges::find(kUsageNames, name);
  if (found == kUsageNames.end()) return std::nullopt;
  return static_cast<KeyUsage>(found - kUsageNames.begin());
}

bool allows_usage(const KeySpec& spec, KeyUsage usage) noexcept {
  return std::ranges::find(spec.usages, usage) != spec.usages.end();
}

std::span<const string_view> key_spec_names() noexcept { return kSpecNames; }
std::span<const string_view> key_usage_names() noexcept { return kUsageNames; }
std::span<const string_view> key_pair_spec_names() noexcept {
  return std::span(kSpecNames).first<kPairSpecs>();
}

std::span<const string_view> encryption_algorithms(const KeySpec& spec) noexcept {
  if (spec.symmetric()) return kAllEncryption.first(1);
  return allows_usage(spec, KeyUsage::encrypt_decrypt) ? kAllEncryption.subspan(1)
                                                       : std::span<const string_view>();
}

const SigningAlgorithm* find_signing_algorithm(string_view name) noexcept {
  return find_row(kSigningAlgorithms, name);
}

std::span<const string_view> signing_algorithm_names() noexcept { return kSigningNames; }
std::span<const string_view> mac_algorithm_names() noexcept { return kMacNames; }
std::span<const string_view> encryption_algorithm_names() noexcept { return kEncryptionNames; }

}  // namespace cofferdam::cloud
