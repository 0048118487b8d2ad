// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Reason codes of the agent's refusals: part of the contract (docs/agent.md), stable for
// other people's scripts. Those of a refused document are in attest/reason.h.
namespace cofferdam::agent::reason {

inline constexpr std::string_view kOk = "ok";

// Boot.
inline constexpr std::string_view kConfigInvalid = "config_invalid";
inline constexpr std::string_view kNsmUnavailable = "nsm_unavailable";
inline constexpr std::string_view kConfigPcr = "config_pcr_mismatch";
inline constexpr std::string_view kUserPcr = "user_pcr_not_clean";
inline constexpr std::string_view kManifestUnavailable = "manifest_unavailable";
inline constexpr std::string_view kParentUnavailable = "parent_unavailable";
inline constexpr std::string_view kServiceFailed = "service_failed";

// The workload and what is around it.
inline constexpr std::string_view kHeartbeatFailed = "heartbeat_failed";
inline constexpr std::string_view kRootUnusable = "root_unusable";
inline constexpr std::string_view kAttributeNotSet = "attribute_not_set";
inline constexpr std::string_view kUserNotMapped = "user_not_mapped";
inline constexpr std::string_view kWorkloadNotStarted = "workload_not_started";

// Local interfaces.
inline constexpr std::string_view kPolicyDenied = "policy_denied";
inline constexpr std::string_view kFileNotWritten = "file_not_written";

// Channels.
inline constexpr std::string_view kWorkloadUnreachable = "workload_unreachable";
inline constexpr std::string_view kPeerUnreachable = "peer_unreachable";

// A release.
inline constexpr std::string_view kNoSuchSecret = "no_such_secret";
inline constexpr std::string_view kWrongOperation = "wrong_operation";
inline constexpr std::string_view kOfferUnavailable = "offer_unavailable";
inline constexpr std::string_view kOfferMalformed = "offer_malformed";
inline constexpr std::string_view kBindingMismatch = "binding_mismatch";
inline constexpr std::string_view kCredentialsUnavailable = "credentials_unavailable";
inline constexpr std::string_view kRecipientPoolEmpty = "recipient_pool_empty";
inline constexpr std::string_view kStateMissing = "state_missing";
inline constexpr std::string_view kStateUnavailable = "state_unavailable";
inline constexpr std::string_view kNoSuchSealing = "no_such_sealing";
inline constexpr std::string_view kDecisionNotRecorded = "decision_not_recorded";

// What KMS said.
inline constexpr std::string_view kKmsAccessDenied = "kms_access_denied";
inline constexpr std::string_view kKmsKeyNotFound = "kms_key_not_found";
inline constexpr std::string_view kKmsKeyUnusable = "kms_key_unusable";
inline constexpr std::string_view kKmsWrongCiphertext = "kms_wrong_ciphertext";
inline constexpr std::string_view kKmsCredentials = "kms_credentials_rejected";
inline constexpr std::string_view kKmsInvalidRequest = "kms_invalid_request";
inline constexpr std::string_view kKmsThrottled = "kms_throttled";
inline constexpr std::string_view kKmsUnavailable = "kms_unavailable";
inline constexpr std::string_view kKmsError = "kms_error";

// The role of [identity].
inline constexpr std::string_view kIdentityChallenge = "identity_challenge_failed";
inline constexpr std::string_view kIdentityTokenRefused = "identity_token_refused";
inline constexpr std::string_view kIdentityTokenFailed = "identity_token_failed";
inline constexpr std::string_view kIdentityAssumeDenied = "identity_assume_denied";
inline constexpr std::string_view kIdentityAssumeFailed = "identity_assume_failed";
inline constexpr std::string_view kIdentityMismatch = "identity_answer_mismatch";

// What is wrong with an answer that says it comes from KMS.
inline constexpr std::string_view kAnswerMalformed = "answer_malformed";
inline constexpr std::string_view kAnswerKeyMismatch = "answer_key_mismatch";
inline constexpr std::string_view kAnswerPlaintext = "answer_has_plaintext";
inline constexpr std::string_view kAnswerNoCiphertext = "answer_without_recipient_ciphertext";
inline constexpr std::string_view kAnswerUndecipherable = "answer_undecipherable";

}  // namespace cofferdam::agent::reason
