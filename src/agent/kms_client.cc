// SPDX-License-Identifier: Apache-2.0
#include "agent/kms_client.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <utility>

#include "agent/reason.h"
#include "aws/error.h"
#include "aws/sigv4.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxAnswerSize = std::size_t{64} * 1024;

struct KnownError {
  std::string_view type;
  Errc code;
  std::string_view reason;
};
constexpr std::array kKnownErrors{
    KnownError{"AccessDeniedException", Errc::denied, reason::kKmsAccessDenied},
    KnownError{"NotFoundException", Errc::not_found, reason::kKmsKeyNotFound},
    KnownError{"DisabledException", Errc::denied, reason::kKmsKeyUnusable},
    KnownError{"KMSInvalidStateException", Errc::denied, reason::kKmsKeyUnusable},
    KnownError{"InvalidKeyUsageException", Errc::denied, reason::kKmsKeyUnusable},
    KnownError{"InvalidCiphertextException", Errc::denied, reason::kKmsWrongCiphertext},
    KnownError{"IncorrectKeyException", Errc::denied, reason::kKmsWrongCiphertext},
    KnownError{"ExpiredTokenException", Errc::unauthenticated, reason::kKmsCredentials},
    KnownError{"UnrecognizedClientException", Errc::unauthenticated, reason::kKmsCredentials},
    KnownError{"InvalidSignatureException", Errc::unauthenticated, reason::kKmsCredentials},
    KnownError{"IncompleteSignatureException", Errc::unauthenticated, reason::kKmsCredentials},
    KnownError{"MissingAuthenticationTokenException", Errc::unauthenticated,
               reason::kKmsCredentials},
    KnownError{"ValidationException", Errc::invalid_input, reason::kKmsInvalidRequest},
    KnownError{"ThrottlingException", Errc::unavailable, reason::kKmsThrottled},
    KnownError{"LimitExceededException", Errc::unavailable, reason::kKmsThrottled},
    KnownError{"KMSInternalException", Errc::unavailable, reason::kKmsUnavailable},
    KnownError{"DependencyTimeoutException", Errc::unavailable, reason::kKmsUnavailable},
    KnownError{"KeyUnavailableException", Errc::unavailable, reason::kKmsUnavailable},
};

}  // namespace

Error kms_failure(const net::HttpResponse& response) {
  const std::string status = std::to_string(response.status);
  const aws::AwsError error = aws::read_json_error(response);
  const auto known = std::ranges::find(kKnownErrors, error.type, &KnownError::type);
  if (known != kKnownErrors.end()) {
    return {.code = known->code,
            .detail = "KMS: " + error.type + ": " +
                      (error.message.empty() ? "no message" : error.message),
            .reason = known->reason};
  }
  if (response.status >= 500) {
    return {.code = Errc::unavailable,
            .detail = "KMS answered with status " + status,
            .reason = reason::kKmsUnavailable};
  }
  return {.code = Errc::denied,
          .detail = "KMS refused with status " + status + " and an error not known here",
          .reason = reason::kKmsError};
}

Task<json::object> KmsClient::call(aws::Credentials credentials, std::string operation,
                                   json::object body, net::Headers headers) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers = std::move(headers);
  request.headers.emplace_back("Host", service_.host);
  request.headers.emplace_back("Content-Type", "application/x-amz-json-1.1");
  request.headers.emplace_back("X-Amz-Target", "TrentService." + operation);
  request.body = to_bytes(json::serialize(body));
  const aws::SigningScope scope{service_.region, "kms"};
  COFFERDAM_CO_CHECK(aws::sign_request(request, credentials, scope, clock_.now()));

  auto response = co_await channel_.send(std::move(request));
  if (!response) {
    Error error = std::move(response).error();
    if (error.reason.empty()) error.reason = reason::kKmsUnavailable;
    co_return wrap("calling KMS", std::move(error));
  }
  if (response->status != 200) co_return std::unexpected(kms_failure(*response));
  auto answer = parse_json(as_text(response->body), kMaxAnswerSize, /*max_depth=*/8);
  if (!answer || !answer->is_object()) {
    co_return fail(Errc::invalid_input, reason::kAnswerMalformed,
                   "the answer of KMS is not a JSON object: " +
                       (answer ? "another type" : answer.error().detail));
  }
  co_return std::move(answer->get_object());
}

}  // namespace cofferdam::agent
