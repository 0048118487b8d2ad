// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4.h"

#include <algorithm>
#include <array>
#include <set>

#include "aws/canonical.h"
#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/mac.h"

namespace cofferdam::aws {
namespace {

constexpr std::chrono::seconds kMaxLifetime = std::chrono::days(7);
constexpr std::string_view kContentHash = "x-amz-content-sha256";
constexpr auto kUnsigned = std::to_array<std::string_view>(
    {"authorization", "connection", "expect", "transfer-encoding", "user-agent"});

std::unexpected<Error> invalid_signature(std::string detail) {
  return fail(Errc::unauthenticated, kInvalidSignature, std::move(detail));
}

// HMAC keyed by the last result, over each part of the scope.
Secret signing_key(const Secret& secret_access_key, std::string_view date,
                   const SigningScope& scope) {
  constexpr std::string_view kPrefix = "AWS4";
  Secret first(kPrefix.size() + secret_access_key.size());
  const auto rest = std::ranges::copy(as_bytes(kPrefix), first.reveal_mut().begin()).out;
  std::ranges::copy(secret_access_key.reveal(), rest);
  Secret key = crypto::hmac_sha256_secret(first.reveal(), as_bytes(date));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), kTerminator}) {
    key = crypto::hmac_sha256_secret(key.reveal(), as_bytes(part));
  }
  return key;
}

std::string sign(const Secret& secret_access_key, const SigningScope& scope, Timestamp time,
                 std::string_view canonical) {
  const std::string date = format_basic(time).substr(0, 8);
  const Secret key = signing_key(secret_access_key, date, scope);
  const std::string text =
      string_to_sign(time, scope_text(date, scope.region, scope.service), canonical);
  return to_hex(crypto::hmac_sha256(key.reveal(), as_bytes(text)));
}

PathRule path_rule(const SigningScope& scope) noexcept {
  return scope.service == "s3" ? PathRule::as_sent : PathRule::normalize;
}

std::vector<std::string> headers_to_sign(const net::Headers& headers) {
  std::set<std::string> names;
  for (const auto& [name, value] : headers) names.insert(to_lower(name));
  for (const auto name : kUnsigned) names.erase(std::string(name));
  return {names.begin(), names.end()};
}

// The digest of the body; the header that may state it must agree.
Result<std::string> payload_hash(const net::HttpRequest& request) {
  std::string actual = to_hex(crypto::sha256(request.body));
  const auto stated = net::header(request.headers, kContentHash);
  if (!stated.empty() && stated != actual) {
    return fail(Errc::invalid_input,
                "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
  return actual;
}

Status require_host(const net::HttpRequest& request) {
  if (net::header(request.headers, "Host").empty()) {
    return fail(Errc::invalid_input, "a request without a Host header cannot be signed");
  }
  return {};
}

void erase_header(net::Headers& headers, std::string_view name) {
  std::erase_if(headers, [&](const auto& h) { return equal_ignoring_case(h.first, name); });
}

void append_parameter(std::string& target, std::string_view name, std::string_view value) {
  target += target.find('?') == std::string::npos ? "?" : "&";
  target.append(name).append("=").append(percent_encode(value));
}

bool is_signed(const SignatureClaim& claim, std::string_view name) {
  return std::ranges::find(claim.signed_headers, name) != claim.signed_headers.end();
}

Status check_coverage(const net::HttpRequest& request, const SignatureClaim& claim) {
  if (!is_signed(claim, "host")) {
    return invalid_signature(
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  for (const auto& [name, value] : request.headers) {
    const std::string lower = to_lower(name);
    if (lower.starts_with("x-amz-") && !is_signed(claim, lower)) {
      return invalid_signature(
          "There were headers present in the request which were not signed: every X-Amz- header "
          "must be.");
    }
  }
  return {};
}

Status check_time(const SignatureClaim& claim, Timestamp now, std::chrono::minutes skew) {
  const std::string signed_at = format_basic(claim.signed_at);
  const std::string server = format_basic(now);
  const std::string minutes = std::to_string(skew.count()) + " min.)";
  if (claim.date != signed_at.substr(0, 8)) {
    return invalid_signature(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '" +
        claim.date + "' != '" + signed_at.substr(0, 8) + "', from '" + signed_at + "'.");
  }
  if (claim.signed_at > now + skew) {
    return invalid_signature("Signature not yet current: " + signed_at + " is still later than " +
                             format_basic(now + skew) + " (" + server + " + " + minutes);
  }
  if (claim.expires_at) {
    if (now <= *claim.expires_at) return {};
    return invalid_signature("Signature expired: " + format_basic(*claim.expires_at) +
                             " is now earlier than " + server);
  }
  if (claim.signed_at < now - skew) {
    return invalid_signature("Signature expired: " + signed_at + " is now earlier than " +
                             format_basic(now - skew) + " (" + server + " - " + minutes);
  }
  return {};
}

}  // namespace

Status sign_request(net::HttpRequest& request, const Credentials& credentials,
                    const SigningScope& scope, Timestamp now) {
  COFFERDAM_CHECK(require_host(request));
  for (const auto* name : {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}) {
    erase_header(request.headers, name);
  }
  request.headers.emplace_back("X-Amz-Date", format_basic(now));
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const auto names = headers_to_sign(request.headers);
  COFFERDAM_TRY(const auto hash, payload_hash(request));
  COFFERDAM_TRY(const auto canonical, canonical_request(request, names, hash, path_rule(scope)));
  const std::string date = format_basic(now).substr(0, 8);
  request.headers.emplace_back(
      "Authorization",
      std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
          scope_text(date, scope.region, scope.service) + ", SignedHeaders=" + join_headers(names) +
          ", Signature=" + sign(credentials.secret_access_key, scope, now, canonical));
  return {};
}

Status presign_request(net::HttpRequest& request, const Credentials& credentials,
                       const SigningScope& scope, Timestamp now, std::chrono::seconds lifetime) {
  COFFERDAM_CHECK(require_host(request));
  if (lifetime < std::chrono::seconds(1) || lifetime > kMaxLifetime) {
    return fail(Errc::invalid_input, "a presigned URL lives between one second and seven days");
  }
  const auto names = headers_to_sign(request.headers);
  const std::string date = format_basic(now).substr(0, 8);
  std::string target = request.target;
  append_parameter(target, "X-Amz-Algorithm", kAlgorithm);
  append_parameter(target, "X-Amz-Credential",
                   credentials.access_key_id + "/" + scope_text(date, scope.region, scope.service));
  append_parameter(target, "X-Amz-Date", format_basic(now));
  append_parameter(target, "X-Amz-SignedHeaders", join_headers(names));
  append_parameter(target, "X-Amz-Expires", std::to_string(lifetime.count()));
  if (!credentials.session_token.empty()) {
    append_parameter(target, "X-Amz-Security-Token", credentials.session_token);
  }
  request.target = std::move(target);
  COFFERDAM_TRY(const auto hash, payload_hash(request));
  COFFERDAM_TRY(const auto canonical, canonical_request(request, names, hash, path_rule(scope)));
  append_parameter(request.target, "X-Amz-Signature",
                   sign(credentials.secret_access_key, scope, now, canonical));
  return {};
}

Status verify_signature(const net::HttpRequest& request, const SignatureClaim& claim,
                        const Secret& secret_access_key, Timestamp now, std::chrono::minutes skew) {
  COFFERDAM_CHECK(check_coverage(request, claim));
  COFFERDAM_CHECK(check_time(claim, now, skew));
  const auto hash = payload_hash(request);
  if (!hash) return invalid_signature(hash.error().detail);
  const auto canonical =
      canonical_request(request, claim.signed_headers, *hash, path_rule(claim.scope));
  if (!canonical) return invalid_signature(canonical.error().detail);
  const std::string expected = sign(secret_access_key, claim.scope, claim.signed_at, *canonical);
  if (!equal_constant_time(as_bytes(expected), as_bytes(claim.signature))) {
    return invalid_signature(
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.");
  }
  return {};
}

Status check_scope(const SignatureClaim& claim, const SigningScope& expected) {
  std::string problem;
  if (claim.scope.region != expected.region) {
    problem = "Credential should be scoped to a valid region. ";
  }
  if (claim.scope.service != expected.service) {
    problem += "Credential should be scoped to correct service: '" + expected.service + "'. ";
  }
  if (problem.empty()) return {};
  return invalid_signature(problem);
}

}  // namespace cofferdam::aws
