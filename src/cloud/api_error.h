// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "aws/error.h"
#include "base/result.h"

// How this room fails: Error::reason is one of AWS's names below and Error::detail is what
// the caller reads, in AWS's words. An Error with any other reason is a fault of ours: the
// caller learns that it was internal, the operator's log says why.
namespace cofferdam::cloud::api {

inline constexpr std::string_view kAccessDenied = "AccessDeniedException";
inline constexpr std::string_view kAlreadyExists = "AlreadyExistsException";
inline constexpr std::string_view kDecryptionFailure = "DecryptionFailure";
inline constexpr std::string_view kDisabled = "DisabledException";
inline constexpr std::string_view kDryRun = "DryRunOperationException";
inline constexpr std::string_view kEncryptionFailure = "EncryptionFailure";
inline constexpr std::string_view kExpiredToken = "ExpiredTokenException";
inline constexpr std::string_view kIncorrectKey = "IncorrectKeyException";
inline constexpr std::string_view kInternal = "KMSInternalException";
inline constexpr std::string_view kInvalidAlias = "InvalidAliasNameException";
inline constexpr std::string_view kInvalidArn = "InvalidArnException";
inline constexpr std::string_view kInvalidCiphertext = "InvalidCiphertextException";
inline constexpr std::string_view kInvalidGrantId = "InvalidGrantIdException";
inline constexpr std::string_view kInvalidGrantToken = "InvalidGrantTokenException";
inline constexpr std::string_view kInvalidKeyUsage = "InvalidKeyUsageException";
inline constexpr std::string_view kInvalidMac = "KMSInvalidMacException";
inline constexpr std::string_view kInvalidNextToken = "InvalidNextTokenException";
inline constexpr std::string_view kInvalidParameter = "InvalidParameterException";
inline constexpr std::string_view kInvalidRequest = "InvalidRequestException";
inline constexpr std::string_view kInvalidMarker = "InvalidMarkerException";
inline constexpr std::string_view kInvalidSignature = "InvalidSignatureException";
inline constexpr std::string_view kInvalidState = "KMSInvalidStateException";
inline constexpr std::string_view kKmsInvalidSignature = "KMSInvalidSignatureException";
inline constexpr std::string_view kLimitExceeded = "LimitExceededException";
inline constexpr std::string_view kMalformedPolicy = "MalformedPolicyDocumentException";
inline constexpr std::string_view kNotAuthorized = "NotAuthorizedException";
inline constexpr std::string_view kNotFound = "NotFoundException";
inline constexpr std::string_view kPublicPolicy = "PublicPolicyException";
inline constexpr std::string_view kResourceExists = "ResourceExistsException";
inline constexpr std::string_view kResourceNotFound = "ResourceNotFoundException";
inline constexpr std::string_view kSerialization = "SerializationException";
inline constexpr std::string_view kTag = "TagException";
inline constexpr std::string_view kThrottling = "ThrottlingException";
inline constexpr std::string_view kUnknownOperation = "UnknownOperationException";
inline constexpr std::string_view kUnrecognizedClient = "UnrecognizedClientException";
inline constexpr std::string_view kUnsupported = "UnsupportedOperationException";
inline constexpr std::string_view kValidation = "ValidationException";

// For the wire. Logs the detail of an internal fault and keeps it from the caller.
aws::AwsError to_aws_error(const Error& error);

// The stable word of the decision log for a failure: "policy_denied", "wrong_key".
std::string_view decision_reason(const Error& error) noexcept;

// AWS's sentence for a parameter out of bounds: "1 validation error detected: Value ... at
// 'keyId' failed to satisfy constraint: Member must not be null". An empty value is left
// out, as AWS does with blobs.
[[nodiscard]] std::unexpected<Error> invalid_parameter(std::string_view value,
                                                       std::string_view member,
                                                       std::string_view constraint);

}  // namespace cofferdam::cloud::api
