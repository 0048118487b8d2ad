// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace cofferdam::cloud::api {
namespace {

struct Known {
  std::string_view name;
  std::string_view decision;
};

constexpr std::array<Known, 36> kKnown{{
    {kAccessDenied, "policy_denied"},
    {kAlreadyExists, "invalid_request"},
    {kDisabled, "key_disabled"},
    {kDryRun, "dry_run"},
    {kExpiredToken, "unauthenticated"},
    {kIncorrectKey, "wrong_key"},
    {kInvalidAlias, "invalid_request"},
    {kInvalidArn, "invalid_request"},
    {kInvalidCiphertext, "invalid_ciphertext"},
    {kInvalidMarker, "invalid_request"},
    {kInvalidSignature, "unauthenticated"},
    {kLimitExceeded, "invalid_request"},
    {kMalformedPolicy, "invalid_request"},
    {kNotFound, "key_not_found"},
    {kSerialization, "invalid_request"},
    {kUnknownOperation, "invalid_request"},
    {kUnrecognizedClient, "unauthenticated"},
    {kUnsupported, "invalid_request"},
    {kInvalidGrantId, "invalid_request"},
    {kInvalidGrantToken, "invalid_request"},
    {kInvalidKeyUsage, "wrong_key_usage"},
    {kInvalidMac, "invalid_signature"},
    {kInvalidState, "key_state"},
    {kKmsInvalidSignature, "invalid_signature"},
    {kNotAuthorized, "policy_denied"},
    {kTag, "invalid_request"},
    {kThrottling, "internal"},
    {kValidation, "invalid_request"},
    {kDecryptionFailure, "invalid_ciphertext"},
    {kEncryptionFailure, "key_state"},
    {kInvalidNextToken, "invalid_request"},
    {kInvalidParameter, "invalid_request"},
    {kInvalidRequest, "invalid_request"},
    {kPublicPolicy, "invalid_request"},
    {kResourceExists, "invalid_request"},
    {kResourceNotFound, "secret_not_found"},
}};

const Known* find_known(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kKnown, name, &Known::name);
  return found == kKnown.end() ? nullptr : found;
}

}  // namespace

aws::AwsError to_aws_error(const Error& error) {
  if (find_known(error.reason) != nullptr) {
    return {.type = std::string(error.reason), .message = error.detail, .status = 400};
  }
  log::error("internal failure: " + error.detail);
  return {.type = std::string(kInternal),
          .message = "The request was rejected because of an internal error.",
          .status = 500};
}

std::string_view decision_reason(const Error& error) noexcept {
  const Known* known = find_known(error.reason);
  return known == nullptr ? "internal" : known->decision;
}

std::unexpected<Error> invalid_parameter(std::string_view value, std::string_view member,
                                         std::string_view constraint) {
  return fail(Errc::invalid_input, kValidation,
              "1 validation error detected: Value " + std::string(value) +
                  (value.empty() ? "at '" : " at '") + std::string(member) +
                  "' failed to satisfy constraint: " + std::string(constraint));
}

}  // namespace cofferdam::cloud::api
