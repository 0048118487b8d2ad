// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/ec.h"
#include "eif/measure.h"
#include "eif/signature.h"

namespace cofferdam::eif {

// What goes to a machine whose key signs an image that is not there: JSON with the image's
// measurements, the certificate, and the very bytes to sign with their hash, so that any
// tool that signs with ECDSA will do (docs/signing.md). The last three follow from the
// others; they are there for people and simple tools, and a request in which they do not is
// refused.
class SigningRequest {
 public:
  // Errc::invalid_input if the certificate is none of an ECDSA key.
  static Result<SigningRequest> make(Measurements image, std::string certificate_pem);
  // Errc::invalid_input, reason `malformed`, for anything that to_json() does not give.
  static Result<SigningRequest> parse(std::string_view text);

  const Measurements& image() const noexcept { return image_; }  // Without PCR8.
  const std::string& certificate_pem() const noexcept { return pem_; }
  const crypto::EcPublicKey& public_key() const noexcept { return key_; }

  Bytes to_be_signed() const { return signature_input(key_.curve(), image_.pcr0); }
  json::object to_json() const;

 private:
  SigningRequest(Measurements image, std::string pem, crypto::EcPublicKey key)
      : image_(image), pem_(std::move(pem)), key_(std::move(key)) {}

  Measurements image_;
  std::string pem_;
  crypto::EcPublicKey key_;
};

inline constexpr std::size_t kMaxSigningRequestSize = std::size_t{256} * 1024;

// The signature section from what came back: r and s, or a DER Ecdsa-Sig-Value as OpenSSL
// and AWS write it. Errc::unauthenticated, reason `bad_signature`, if it is not the
// certificate's over this PCR0: made for another image, or with another key.
Result<Bytes> section_from_signature(std::string_view certificate_pem, const crypto::Sha384& pcr0,
                                     ByteView signature);

}  // namespace cofferdam::eif
