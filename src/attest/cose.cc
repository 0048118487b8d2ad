// SPDX-License-Identifier: Apache-2.0
#include "attest/cose.h"

#include <string>

#include "attest/reason.h"
#include "bytes/cbor.h"

namespace cofferdam::attest {
namespace {

constexpr std::uint64_t kTagCoseSign1 = 18;
constexpr std::int64_t kHeaderAlgorithm = 1;
constexpr std::string_view kContext = "Signature1";

// The envelope is not covered by the signature, so it gets one encoding only: definite
// lengths and shortest heads, as the Nitro Secure Module writes them.
constexpr cbor::Limits envelope_limits(std::size_t max_size) {
  return {.max_size = max_size,
          .max_depth = 3,
          .max_items = 16,
          .allow_indefinite = false,
          .allow_long_heads = false};
}

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kMalformed, "COSE_Sign1: " + std::move(detail));
}

std::unexpected<Error> wrong_algorithm(std::string detail) {
  return fail(Errc::invalid_input, reason::kWrongAlgorithm, "COSE_Sign1: " + std::move(detail));
}

constexpr std::int64_t algorithm_for(crypto::Curve curve) {
  switch (curve) {
    case crypto::Curve::p256:
      return -7;
    case crypto::Curve::p384:
      return -35;
    case crypto::Curve::p521:
      return -36;
  }
  return 0;
}

bool is_known(std::int64_t algorithm) {
  return algorithm == -7 || algorithm == -35 || algorithm == -36;
}

// {1: alg} and nothing else.
Result<std::int64_t> parse_protected(ByteView bytes) {
  if (bytes.empty()) return wrong_algorithm("the protected header names no algorithm");
  const auto header = cbor::parse(bytes, envelope_limits(/*max_size=*/64));
  if (!header) return malformed("protected header: " + header.error().detail);
  const auto entries = header->map();
  if (!entries) return malformed("protected header: " + entries.error().detail);
  const cbor::Item* algorithm = header->find(kHeaderAlgorithm);
  if (algorithm == nullptr) return wrong_algorithm("the protected header names no algorithm");
  if (entries->size() != 2) {
    return malformed("the protected header holds more than the algorithm");
  }
  const auto value = algorithm->integer();
  if (!value) return wrong_algorithm("the algorithm is not an integer");
  if (!is_known(*value)) {
    return wrong_algorithm("algorithm " + std::to_string(*value) +
                           " is none of ES256, ES384 and ES512");
  }
  return *value;
}

Result<CoseSign1> take_apart(const cbor::Item& message) {
  const auto parts = message.array();
  if (!parts) return malformed(parts.error().detail);
  if (parts->size() != 4) {
    return malformed("expected an array of 4, found " + std::to_string(parts->size()));
  }
  const auto protected_header = (*parts)[0].bytes();
  const auto unprotected = (*parts)[1].map();
  const auto payload = (*parts)[2].bytes();
  const auto signature = (*parts)[3].bytes();
  if (!protected_header) return malformed("protected header: " + protected_header.error().detail);
  if (!unprotected) return malformed("unprotected header: " + unprotected.error().detail);
  if (!unprotected->empty()) return malformed("the unprotected header is not empty");
  if (!payload) return malformed("payload: " + payload.error().detail);
  if (!signature) return malformed("signature: " + signature.error().detail);
  COFFERDAM_TRY(const std::int64_t algorithm, parse_protected(*protected_header));
  return CoseSign1{.protected_header = *protected_header,
                   .algorithm = algorithm,
                   .payload = *payload,
                   .signature = *signature};
}

Bytes protected_header_for(crypto::Curve curve) {
  cbor::Writer out;
  out.map(1).integer(kHeaderAlgorithm).integer(algorithm_for(curve));
  return std::move(out).take();
}

// Sig_structure (RFC 9052 section 4.4) up to the payload's own bytes, so that a payload
// can be hashed where it lies.
Bytes signature_input_head(ByteView protected_header, std::size_t payload_size) {
  cbor::Writer out;
  out.array(4).text(kContext).bytes(protected_header).bytes({}).bytes_head(payload_size);
  return std::move(out).take();
}

Bytes digest_parts(crypto::Hash hash, ByteView head, ByteView payload) {
  switch (hash) {
    case crypto::Hash::sha256:
      return to_bytes(ByteView(crypto::sha256({head, payload})));
    case crypto::Hash::sha384:
      return to_bytes(ByteView(crypto::sha384({head, payload})));
    case crypto::Hash::sha512:
      return to_bytes(ByteView(crypto::sha512({head, payload})));
  }
  return {};
}

}  // namespace

Result<CoseSign1> parse_cose_sign1(ByteView bytes, std::size_t max_size) {
  const auto root = cbor::parse(bytes, envelope_limits(max_size));
  if (!root) return malformed(root.error().detail);
  if (root->type() != cbor::Type::tag) return take_apart(*root);
  COFFERDAM_TRY(const std::uint64_t tag, root->tag_number());
  if (tag != kTagCoseSign1) {
    return malformed("tag " + std::to_string(tag) + " is not COSE_Sign1's 18");
  }
  COFFERDAM_TRY(const cbor::Item* message, root->tagged());
  return take_apart(*message);
}

Status verify_cose_sign1(const CoseSign1& message, const crypto::EcPublicKey& key) {
  if (message.algorithm != algorithm_for(key.curve())) {
    return wrong_algorithm("algorithm " + std::to_string(message.algorithm) +
                           " does not go with a key on " +
                           std::string(crypto::curve_name(key.curve())));
  }
  const Bytes head = signature_input_head(message.protected_header, message.payload.size());
  const Bytes digest = digest_parts(crypto::hash_for(key.curve()), head, message.payload);
  const Status verified = key.verify_digest(digest, message.signature);
  if (verified) return {};
  return fail(Errc::unauthenticated, reason::kBadSignature,
              "the COSE signature does not verify: " + verified.error().detail);
}

Result<Bytes> sign_cose_sign1(ByteView payload, const crypto::SigningKey& key) {
  const crypto::Curve curve = key.public_key().curve();
  const Bytes input = cose_signature_input(curve, payload);
  COFFERDAM_TRY(const Bytes signature, key.sign(input));
  return assemble_cose_sign1(curve, payload, signature);
}

Bytes cose_signature_input(crypto::Curve curve, ByteView payload) {
  Bytes out = signature_input_head(protected_header_for(curve), payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes assemble_cose_sign1(crypto::Curve curve, ByteView payload, ByteView signature) {
  cbor::Writer out;
  out.array(4).bytes(protected_header_for(curve)).map(0).bytes(payload).bytes(signature);
  return std::move(out).take();
}

}  // namespace cofferdam::attest
