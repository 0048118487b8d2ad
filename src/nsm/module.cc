// SPDX-License-Identifier: Apache-2.0
#include "nsm/module.h"

#include <utility>
#include <variant>

#include "attest/cose.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "nsm/document_writer.h"

namespace cofferdam::nsm {
namespace {

constexpr std::size_t kRandomSize = 256;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Response refused(ErrorCode code) { return ErrorResponse{.code = code}; }

// PCR3 and PCR4 hold one extension of zero by a text itself, not by its digest.
Bytes pcr_of_text(std::string_view text) {
  constexpr PcrBank::Value kZero{};
  return to_bytes(crypto::sha384({kZero, as_bytes(text)}));
}

}  // namespace

Result<Module> Module::boot(const Authority& authority, const Clock& clock, BootState state) {
  const Timestamp launch = clock.now();
  if (state.role_arn) state.pcrs.try_emplace(3, pcr_of_text(*state.role_arn));
  state.pcrs.try_emplace(4, pcr_of_text(authority.instance_id()));
  COFFERDAM_TRY(const PcrBank pcrs, PcrBank::boot(state.pcrs, state.debug_mode));
  EnclaveChain chain(
      authority, EnclaveIdentity::make(std::move(state.region), authority.instance_id(), launch));
  // Keys and certificates are made before the first request instead of during it.
  COFFERDAM_CHECK(chain.renew(launch));
  return Module(clock, std::move(chain), pcrs);
}

Response Module::handle(const Request& request) {
  return std::visit(Overloaded{
                        [&](const DescribePcrRequest& r) -> Response {
                          auto found = pcrs_.describe(r.index);
                          return found ? Response(std::move(*found)) : refused(found.error());
                        },
                        [&](const ExtendPcrRequest& r) -> Response {
                          const auto value = pcrs_.extend(r.index, r.data);
                          return value ? ExtendPcrResponse{.data = to_bytes(*value)}
                                       : refused(value.error());
                        },
                        [&](const LockPcrRequest& r) -> Response {
                          const auto done = pcrs_.lock(r.index);
                          return done ? LockPcrResponse{} : refused(done.error());
                        },
                        [&](const LockPcrsRequest& r) -> Response {
                          const auto done = pcrs_.lock_below(r.range);
                          return done ? LockPcrsResponse{} : refused(done.error());
                        },
                        [&](const DescribeNsmRequest&) { return describe(); },
                        [&](const AttestationRequest& r) { return attest(r); },
                        [&](const GetRandomRequest&) -> Response {
                          return GetRandomResponse{.random = crypto::random_bytes(kRandomSize)};
                        },
                    },
                    request);
}

Bytes Module::handle_bytes(ByteView request) {
  if (request.size() > kMaxRequestSize) return encode(refused(ErrorCode::input_too_large));
  const Result<Request> decoded = decode_request(request);
  if (!decoded) return encode(refused(ErrorCode::invalid_operation));
  return encode(handle(*decoded));
}

Response Module::describe() const {
  return DescribeNsmResponse{.version_major = 1,
                             .module_id = identity().module_id(),
                             .max_pcrs = kPcrCount,
                             .locked_pcrs = pcrs_.locked_indices(),
                             .digest = "SHA384"};
}

Response Module::attest(const AttestationRequest& request) {
  for (const auto* field : {&request.user_data, &request.nonce, &request.public_key}) {
    if (*field && (*field)->size() > kMaxFieldSize) return refused(ErrorCode::input_too_large);
  }
  Result<Bytes> document = sign_document(request);
  if (!document) {
    log::error("cannot sign an attestation document: " + document.error().detail);
    return refused(ErrorCode::internal_error);
  }
  return AttestationResponse{.document = *std::move(document)};
}

Result<Bytes> Module::sign_document(const AttestationRequest& request) {
  const Timestamp now = clock_->now();
  COFFERDAM_CHECK(chain_.renew(now));
  attest::Document document;
  document.module_id = identity().module_id();
  document.digest = "SHA384";
  document.timestamp = now;
  document.pcrs = pcrs_.locked_values();
  document.certificate = chain_.leaf_certificate();
  document.cabundle = chain_.cabundle();
  document.public_key = request.public_key;
  document.user_data = request.user_data;
  document.nonce = request.nonce;
  const Bytes payload = write_document_payload(document);
  return attest::sign_cose_sign1(payload, chain_.leaf_key());
}

}  // namespace cofferdam::nsm
