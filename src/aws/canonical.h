// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

// The canonical form of a request that Signature Version 4 signs ("Create a signed AWS API
// request", steps 1 to 3). Internal to this folder and its tests.
namespace cofferdam::aws {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kTerminator = "aws4_request";

// Every service but S3 signs the path without "." and ".." segments and doubled slashes.
enum class PathRule : std::uint8_t { normalize, as_sent };

std::string canonical_path(std::string_view path, PathRule rule);

// Name and value of each query parameter, percent-decoded, in the order sent.
// Errc::invalid_input for a '%' that two hexadecimal digits do not follow.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
Result<QueryParameters> parse_query(std::string_view query);

// Encoded again and sorted; X-Amz-Signature, which cannot sign itself, is left out.
std::string canonical_query(const QueryParameters& parameters);

// RFC 3986: everything but letters, digits and -._~ becomes %XX.
std::string percent_encode(std::string_view text);

struct TargetParts {
  std::string_view path;
  std::string_view query;
};
TargetParts split_target(std::string_view target) noexcept;

// `signed_headers` must be in lower case. Errc::invalid_input when the request lacks one or
// its query does not decode.
Result<std::string> canonical_request(const net::HttpRequest& request,
                                      const std::vector<std::string>& signed_headers,
                                      std::string_view payload_hash, PathRule rule);

// "host;x-amz-date"
std::string join_headers(const std::vector<std::string>& signed_headers);

// "20150830T123600Z", and back. Errc::invalid_input for any other form.
std::string format_basic(Timestamp time);
Result<Timestamp> parse_basic(std::string_view text);

// "20150830/us-east-1/service/aws4_request"
std::string scope_text(std::string_view date, std::string_view region, std::string_view service);

std::string string_to_sign(Timestamp time, std::string_view scope, std::string_view canonical);

}  // namespace cofferdam::aws
