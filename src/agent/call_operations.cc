// SPDX-License-Identifier: Apache-2.0
#include "agent/call_operations.h"

#include <algorithm>
#include <array>

#include "agent/reason.h"
#include "crypto/ec.h"
#include "crypto/key_pair.h"

namespace cofferdam::agent {
namespace {

constexpr const char* kKeySpec = "KeySpec";
constexpr const char* kPairSpec = "KeyPairSpec";
constexpr const char* kNumberOfBytes = "NumberOfBytes";

struct PairSpec {
  std::string_view name;
  crypto::KeyKind kind;
};
constexpr std::array kPairSpecs{
    PairSpec{"RSA_2048", crypto::KeyKind::rsa_2048},
    PairSpec{"RSA_3072", crypto::KeyKind::rsa_3072},
    PairSpec{"RSA_4096", crypto::KeyKind::rsa_4096},
    PairSpec{"ECC_NIST_P256", crypto::KeyKind::p256},
    PairSpec{"ECC_NIST_P384", crypto::KeyKind::p384},
    PairSpec{"ECC_NIST_P521", crypto::KeyKind::p521},
    PairSpec{"ECC_SECG_P256K1", crypto::KeyKind::secp256k1},
};

std::unexpected<Error> malformed(std::string_view why) {
  return fail(Errc::invalid_input, reason::kAnswerMalformed,
              "the answer of KMS: " + std::string(why));
}

CallParameters no_parameters(const SecretSpec&) { return {}; }

CallParameters data_key_parameters(const SecretSpec& spec) { return {{kKeySpec, spec.key_spec}}; }

CallParameters pair_parameters(const SecretSpec& spec) { return {{kPairSpec, spec.key_spec}}; }

CallParameters random_parameters(const SecretSpec& spec) {
  return {{kNumberOfBytes, std::to_string(spec.random_size)}};
}

CallParameters agreement_parameters(const SecretSpec&) {
  return {{"KeyAgreementAlgorithm", "ECDH"}};
}

Status any_plaintext(const CallParameters&, ByteView, const Released&) { return {}; }

Status check_data_key(const CallParameters& parameters, ByteView, const Released& released) {
  const std::size_t size = parameters.at(kKeySpec) == "AES_128" ? 16 : 32;
  if (released.plaintext.size() == size) return {};
  return malformed("the data key has another size than was asked for");
}

Status check_random(const CallParameters& parameters, ByteView, const Released& released) {
  if (std::to_string(released.plaintext.size()) == parameters.at(kNumberOfBytes)) {
    return {};
  }
  return malformed("there are more or fewer random bytes than were asked for");
}

// The public key that came in clear must be that of the private key that came sealed:
// otherwise others would encrypt to, or trust, a key of somebody else.
Status check_pair(const CallParameters& parameters, ByteView, const Released& released) {
  const auto spec = std::ranges::find(kPairSpecs, parameters.at(kPairSpec), &PairSpec::name);
  const auto pair = crypto::KeyPair::from_pkcs8(released.plaintext);
  if (!pair) return malformed("the private key is not PKCS#8");
  if (spec == kPairSpecs.end() || pair->kind() != spec->kind) {
    return malformed("the key pair is of another kind than was asked for");
  }
  if (pair->spki() != released.public_key) {
    return malformed("the public key is not that of the private key");
  }
  return {};
}

Status check_agreement(const CallParameters&, ByteView peer, const Released& released) {
  COFFERDAM_TRY(const auto key, crypto::EcPublicKey::from_spki(peer));
  if (released.plaintext.size() == crypto::coordinate_size(key.curve())) return {};
  return malformed("the shared secret is not as long as a coordinate of the peer's curve");
}

constexpr std::array kRules{
    CallRules{.operation = Operation::decrypt,
              .parameters = no_parameters,
              .numeric_parameters = false,
              .input_member = "CiphertextBlob",
              .plaintext_member = "Plaintext",
              .ciphertext_member = {},
              .public_key_member = {},
              .check = any_plaintext},
    CallRules{.operation = Operation::generate_data_key,
              .parameters = data_key_parameters,
              .numeric_parameters = false,
              .input_member = {},
              .plaintext_member = "Plaintext",
              .ciphertext_member = "CiphertextBlob",
              .public_key_member = {},
              .check = check_data_key},
    CallRules{.operation = Operation::generate_data_key_pair,
              .parameters = pair_parameters,
              .numeric_parameters = false,
              .input_member = {},
              .plaintext_member = "PrivateKeyPlaintext",
              .ciphertext_member = "PrivateKeyCiphertextBlob",
              .public_key_member = "PublicKey",
              .check = check_pair},
    CallRules{.operation = Operation::generate_random,
              .parameters = random_parameters,
              .numeric_parameters = true,
              .input_member = {},
              .plaintext_member = "Plaintext",
              .ciphertext_member = {},
              .public_key_member = {},
              .check = check_random},
    CallRules{.operation = Operation::derive_shared_secret,
              .parameters = agreement_parameters,
              .numeric_parameters = false,
              .input_member = "PublicKey",
              .plaintext_member = "SharedSecret",
              .ciphertext_member = {},
              .public_key_member = {},
              .check = check_agreement},
};

}  // namespace

const CallRules& rules_of(Operation operation) noexcept {
  return *std::ranges::find(kRules, operation, &CallRules::operation);
}

}  // namespace cofferdam::agent
