// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

// Errors as AWS services put them on the wire: JSON 1.1 (KMS, Secrets Manager) and the
// Query protocol's XML (STS, IAM).
namespace cofferdam::aws {

struct AwsError {
  std::string type;     // JSON name: "AccessDeniedException".
  std::string message;  // AWS's words.
  unsigned status = 400;
};

// The name the Query protocol uses for the same failure: "InvalidSignatureException" is
// "SignatureDoesNotMatch", "UnrecognizedClientException" is "InvalidClientTokenId".
std::string query_error_code(std::string_view json_type);

// A failure of parse_signature() or verify_signature(), whose reason names the AWS error.
AwsError signature_error(const Error& error);

// The other direction: what an error answer of a JSON service says, the type without its
// namespace, the message cut to 400 characters of printable ASCII. Both are empty where the
// answer is of another form.
AwsError read_json_error(const net::HttpResponse& response);

// {"__type":…,"message":…} with x-amzn-RequestId.
net::HttpResponse json_error_response(const AwsError& error, std::string_view request_id);

// <ErrorResponse xmlns="…"><Error><Type>Sender</Type><Code>…</Code><Message>…</Message>….
// Authentication and authorisation failures have status 403, as the Query services answer.
net::HttpResponse query_error_response(const AwsError& error, std::string_view request_id,
                                       std::string_view xml_namespace);

// `text` with the five characters that XML reserves replaced; control characters that XML
// cannot carry become '?'.
std::string xml_escape(std::string_view text);

}  // namespace cofferdam::aws
