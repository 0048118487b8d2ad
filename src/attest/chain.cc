// SPDX-License-Identifier: Apache-2.0
#include "attest/chain.h"

#include <algorithm>
#include <utility>

#include "attest/reason.h"
#include "crypto/certificate_builder.h"

namespace cofferdam::attest {
namespace {

std::unexpected<Error> bad_chain(std::string detail) {
  return fail(Errc::unauthenticated, reason::kBadChain, std::move(detail));
}

// "certificate 2 of 5 from the root".
std::string describe(std::size_t index, std::size_t count) {
  return "certificate " + std::to_string(index + 1) + " of " + std::to_string(count) +
         " from the root";
}

Status require_leaf(const Certificate& leaf) {
  if (leaf.is_ca) return bad_chain("the signer's certificate is a CA");
  if ((leaf.key_usage & crypto::kDigitalSignature) == 0) {
    return bad_chain("the signer's certificate does not allow digital signatures");
  }
  if ((leaf.key_usage & (crypto::kKeyCertSign | crypto::kCrlSign)) != 0) {
    return bad_chain("the signer's certificate may sign certificates or revocation lists");
  }
  return {};
}

// `below` CAs follow this one on the way to the leaf.
Status require_path_length(const Certificate& issuer, std::size_t below) {
  if (!issuer.path_length || below <= *issuer.path_length) return {};
  return bad_chain("allows " + std::to_string(*issuer.path_length) + " CAs below it, found " +
                   std::to_string(below));
}

// Everything about the chain except its signatures, which cost a thousand times more.
Status require_shape(const std::vector<Certificate>& chain) {
  const std::size_t issuers = chain.size() - 1;
  for (std::size_t i = 0; i < issuers; ++i) {
    if (const Status good = require_issuer(chain[i]); !good) {
      return wrap(describe(i, chain.size()), good.error());
    }
    if (const Status good = require_path_length(chain[i], issuers - 1 - i); !good) {
      return wrap(describe(i, chain.size()), good.error());
    }
    if (!std::ranges::equal(chain[i].subject, chain[i + 1].issuer)) {
      return bad_chain(describe(i + 1, chain.size()) + ": does not name the one above as issuer");
    }
  }
  return require_leaf(chain.back());
}

Result<crypto::EcPublicKey> key_of(const Certificate& certificate) {
  auto key = crypto::EcPublicKey::from_point(crypto::Curve::p384, certificate.public_point);
  if (!key) return bad_chain("the public key is not a point of P-384");
  return key;
}

// Walks down from the pinned root's key. Gives back the leaf's key.
Result<crypto::EcPublicKey> verify_signatures(const std::vector<Certificate>& chain,
                                              crypto::EcPublicKey key) {
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (!key.verify_der(crypto::Hash::sha384, chain[i].to_be_signed, chain[i].signature)) {
      return bad_chain(describe(i, chain.size()) +
                       ": the signature does not verify with the key above");
    }
    auto next = key_of(chain[i]);
    if (!next) return wrap(describe(i, chain.size()), next.error());
    key = *std::move(next);
  }
  return key;
}

Result<std::vector<Certificate>> parse_all(ByteView leaf, const std::vector<Bytes>& cabundle) {
  std::vector<Certificate> out;
  const std::size_t count = cabundle.size() + 1;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto certificate = parse_certificate(i < cabundle.size() ? ByteView(cabundle[i]) : leaf);
    if (!certificate) return wrap(describe(i, count), certificate.error());
    out.push_back(*std::move(certificate));
  }
  return out;
}

}  // namespace

Status require_issuer(const Certificate& certificate) {
  if (!certificate.is_ca) return bad_chain("is not a CA");
  if ((certificate.key_usage & crypto::kKeyCertSign) == 0) {
    return bad_chain("may not sign certificates");
  }
  return {};
}

Result<VerifiedChain> verify_chain(ByteView leaf, const std::vector<Bytes>& cabundle,
                                   ByteView pinned_root, const crypto::EcPublicKey& root_key) {
  if (cabundle.empty() || !std::ranges::equal(cabundle.front(), pinned_root)) {
    return fail(Errc::unauthenticated, reason::kUntrustedRoot,
                "the certificate bundle does not begin with the pinned root");
  }
  COFFERDAM_TRY(const std::vector<Certificate> chain, parse_all(leaf, cabundle));
  COFFERDAM_CHECK(require_shape(chain));
  COFFERDAM_TRY(crypto::EcPublicKey leaf_key, verify_signatures(chain, root_key));
  VerifiedChain out{.leaf_key = std::move(leaf_key),
                    .validity = chain.back().validity,
                    .leaf_validity = chain.back().validity,
                    .leaf_serial = to_bytes(chain.back().serial),
                    .common_names = {}};
  for (const Certificate& certificate : chain) {
    const Validity& part = certificate.validity;
    out.validity.not_before = std::max(out.validity.not_before, part.not_before);
    out.validity.not_after = std::min(out.validity.not_after, part.not_after);
    out.common_names.emplace_back(certificate.common_name);
  }
  return out;
}

Status require_valid(const VerifiedChain& chain, Timestamp at) {
  if (chain.validity.ended_before(at)) {
    return fail(Errc::unauthenticated, reason::kExpired,
                "the chain ended at " + format_rfc3339(chain.validity.not_after) + ", judged at " +
                    format_rfc3339(at));
  }
  if (chain.validity.begins_after(at)) {
    return fail(Errc::unauthenticated, reason::kNotYetValid,
                "the chain begins at " + format_rfc3339(chain.validity.not_before) +
                    ", judged at " + format_rfc3339(at));
  }
  return {};
}

}  // namespace cofferdam::attest
