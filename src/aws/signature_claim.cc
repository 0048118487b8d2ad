// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>

#include "aws/canonical.h"
#include "aws/sigv4.h"
#include "base/text.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kSignatureSize = 64;
constexpr std::size_t kMaxFieldSize = 128;
constexpr std::size_t kMaxSignedHeaders = 64;
constexpr std::int64_t kMaxLifetimeSeconds = 604'800;  // Seven days.

using Fields = std::map<std::string, std::string, std::less<>>;

std::unexpected<Error> incomplete(std::string detail) {
  return fail(Errc::unauthenticated, kIncompleteSignature, std::move(detail));
}

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The text up to `delimiter`, which goes too.
std::string_view take_until(std::string_view& rest, char delimiter) noexcept {
  const auto end = rest.find(delimiter);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

std::size_t count_headers(const net::Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(
      headers, [&](const auto& h) { return equal_ignoring_case(h.first, name); }));
}

std::string_view field(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

// KEYID/DATE/REGION/SERVICE/aws4_request
Status parse_credential(std::string_view text, SignatureClaim& claim) {
  if (std::ranges::count(text, '/') != 4) {
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term");
  }
  for (std::string* part :
       {&claim.access_key_id, &claim.date, &claim.scope.region, &claim.scope.service}) {
    *part = take_until(text, '/');
    if (part->empty() || part->size() > kMaxFieldSize) {
      return incomplete("Credential has an element that is empty or too long");
    }
  }
  if (text != kTerminator) {
    return fail(Errc::unauthenticated, kInvalidSignature,
                "Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  return {};
}

Status parse_signed_headers(std::string_view text, SignatureClaim& claim) {
  while (!text.empty()) {
    std::string name = to_lower(take_until(text, ';'));
    const bool repeated =
        std::ranges::find(claim.signed_headers, name) != claim.signed_headers.end();
    if (name.empty() || repeated || claim.signed_headers.size() == kMaxSignedHeaders) {
      return incomplete("SignedHeaders is not a list of different header names");
    }
    claim.signed_headers.push_back(std::move(name));
  }
  return {};
}

Status parse_signature_text(std::string_view text, SignatureClaim& claim) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != kSignatureSize || !std::ranges::all_of(text, is_hex)) {
    return incomplete("Signature must be 64 lower-case hexadecimal digits");
  }
  claim.signature = text;
  return {};
}

Status parse_time(std::string_view text, SignatureClaim& claim) {
  const auto time = parse_basic(text);
  if (!time) {
    return incomplete(
        "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601");
  }
  claim.signed_at = *time;
  return {};
}

// The parts that both forms share.
Result<SignatureClaim> parse_fields(std::string_view credential, std::string_view signed_headers,
                                    std::string_view signature, std::string_view date) {
  SignatureClaim claim;
  COFFERDAM_CHECK(parse_credential(credential, claim));
  COFFERDAM_CHECK(parse_signed_headers(signed_headers, claim));
  COFFERDAM_CHECK(parse_signature_text(signature, claim));
  COFFERDAM_CHECK(parse_time(date, claim));
  return claim;
}

Result<Fields> authorization_fields(std::string_view text) {
  if (take_until(text, ' ') != kAlgorithm) {
    return incomplete("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is.");
  }
  Fields out;
  while (!text.empty()) {
    auto pair = trimmed(take_until(text, ','));
    if (pair.find('=') == std::string_view::npos) {
      return incomplete("not a valid key=value pair (missing equal-sign) in Authorization header");
    }
    const auto name = take_until(pair, '=');
    if (!out.emplace(name, pair).second) {
      return incomplete("Authorization header has a parameter twice");
    }
  }
  return out;
}

Result<SignatureClaim> parse_header_form(const net::HttpRequest& request) {
  for (const auto* name : {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}) {
    if (count_headers(request.headers, name) > 1) {
      return incomplete("Header " + std::string(name) + " appears twice");
    }
  }
  COFFERDAM_TRY(const auto fields,
                authorization_fields(net::header(request.headers, "Authorization")));
  std::string missing;
  for (const auto* name : {"Credential", "Signature", "SignedHeaders"}) {
    if (!field(fields, name).empty()) continue;
    missing += "Authorization header requires '" + std::string(name) + "' parameter. ";
  }
  const auto date = net::header(request.headers, "X-Amz-Date");
  if (date.empty()) {
    missing +=
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (!missing.empty()) return incomplete(missing);
  COFFERDAM_TRY(auto claim,
                parse_fields(field(fields, "Credential"), field(fields, "SignedHeaders"),
                             field(fields, "Signature"), date));
  const auto token = net::header(request.headers, "X-Amz-Security-Token");
  if (!token.empty()) claim.session_token = token;
  return claim;
}

Result<Fields> amazon_parameters(std::string_view target) {
  const auto parameters = parse_query(split_target(target).query);
  if (!parameters) return incomplete(parameters.error().detail);
  Fields out;
  for (const auto& [name, value] : *parameters) {
    if (name.starts_with("X-Amz-") && !out.emplace(name, value).second) {
      return incomplete("Query has an X-Amz- parameter twice");
    }
  }
  return out;
}

Result<SignatureClaim> parse_query_form(const Fields& fields) {
  if (field(fields, "X-Amz-Algorithm") != kAlgorithm) {
    return incomplete("Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is.");
  }
  std::string missing;
  for (const auto* name : {"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders",
                           "X-Amz-Date", "X-Amz-Expires"}) {
    if (!field(fields, name).empty()) continue;
    missing += "AWS query-string parameters must include '" + std::string(name) + "'. ";
  }
  if (!missing.empty()) return incomplete(missing);
  COFFERDAM_TRY(
      auto claim,
      parse_fields(field(fields, "X-Amz-Credential"), field(fields, "X-Amz-SignedHeaders"),
                   field(fields, "X-Amz-Signature"), field(fields, "X-Amz-Date")));
  const auto text = field(fields, "X-Amz-Expires");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 ||
      seconds > kMaxLifetimeSeconds) {
    return incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800");
  }
  claim.expires_at = claim.signed_at + std::chrono::seconds(seconds);
  const auto token = field(fields, "X-Amz-Security-Token");
  if (!token.empty()) claim.session_token = token;
  return claim;
}

}  // namespace

Result<SignatureClaim> parse_signature(const net::HttpRequest& request) {
  COFFERDAM_TRY(const auto query, amazon_parameters(request.target));
  const bool in_query = query.contains("X-Amz-Algorithm") || query.contains("X-Amz-Signature");
  const bool in_header = count_headers(request.headers, "Authorization") > 0;
  if (in_query && in_header) {
    return incomplete("The request is signed both in a header and in its query");
  }
  if (in_header) return parse_header_form(request);
  if (in_query) return parse_query_form(query);
  return fail(Errc::unauthenticated, kMissingAuthenticationToken, "Missing Authentication Token");
}

}  // namespace cofferdam::aws
