// SPDX-License-Identifier: Apache-2.0
#include "jose/jwt.h"

#include <algorithm>
#include <cmath>

namespace cofferdam::jose {
namespace {

constexpr double kMaxSeconds = 253'402'300'799.0;  // The end of the year 9999.

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::unauthenticated, reason::kMalformed, "token: " + std::move(detail));
}

// A NumericDate: seconds since 1970, perhaps with a fraction.
Result<std::optional<Timestamp>> optional_date(const json::object& claims, std::string_view name) {
  const json::value* const value = claims.if_contains(name);
  if (value == nullptr) return std::optional<Timestamp>();
  if (!value->is_number()) return malformed(std::string(name) + " is no number");
  const double seconds = value->to_number<double>();
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) {
    return malformed(std::string(name) + " is out of range");
  }
  const auto milliseconds = static_cast<std::int64_t>(std::floor(seconds * 1000.0));
  return std::optional(Timestamp(std::chrono::milliseconds(milliseconds)));
}

Result<Timestamp> required_date(const json::object& claims, std::string_view name) {
  COFFERDAM_TRY(const auto date, optional_date(claims, name));
  if (!date) return malformed("no " + std::string(name));
  return *date;
}

Result<std::string> required_text(const json::object& claims, std::string_view name) {
  auto text = required_string(claims, name);
  if (!text || text->empty()) return malformed("no " + std::string(name));
  return text;
}

// One text, or an array of them.
Result<std::vector<std::string>> audiences(const json::object& claims) {
  const json::value* const value = claims.if_contains("aud");
  std::vector<std::string> out;
  if (value != nullptr && value->is_string()) out.emplace_back(value->get_string());
  if (value != nullptr && value->is_array()) {
    for (const json::value& one : value->get_array()) {
      if (!one.is_string()) return malformed("aud is no text");
      out.emplace_back(one.get_string());
    }
  }
  if (out.empty()) return malformed("no aud");
  return out;
}

Result<Claims> read_claims(ByteView payload) {
  auto value = parse_json(as_text(payload), kMaxTokenSize);
  if (!value || !value->is_object()) return malformed("its payload is no JSON object");
  Claims out;
  out.all = std::move(value->get_object());
  COFFERDAM_TRY(out.issuer, required_text(out.all, "iss"));
  COFFERDAM_TRY(out.subject, required_text(out.all, "sub"));
  COFFERDAM_TRY(out.audiences, audiences(out.all));
  COFFERDAM_TRY(out.expires, required_date(out.all, "exp"));
  COFFERDAM_TRY(out.issued_at, required_date(out.all, "iat"));
  COFFERDAM_TRY(out.not_before, optional_date(out.all, "nbf"));
  auto party = optional_string(out.all, "azp");
  if (!party) return malformed("azp is no text");
  out.authorized_party = *std::move(party);
  return out;
}

Status check_times(const Claims& claims, const TokenExpectations& expected) {
  if (expected.now >= claims.expires + expected.leeway) {
    return fail(Errc::denied, reason::kExpired,
                "token: expired at " + format_rfc3339(claims.expires));
  }
  const Timestamp latest = expected.now + expected.leeway;
  if (claims.not_before.value_or(latest) > latest || claims.issued_at.value_or(latest) > latest) {
    return fail(Errc::denied, reason::kNotYetValid, "token: its time has not come yet");
  }
  return {};
}

Status check_audience(const Claims& claims, const TokenExpectations& expected) {
  const auto meant = [&](const std::string& audience) {
    return std::ranges::find(expected.audiences, audience) != expected.audiences.end();
  };
  const bool found = claims.authorized_party ? meant(*claims.authorized_party)
                                             : std::ranges::any_of(claims.audiences, meant);
  if (found) return {};
  return fail(Errc::denied, reason::kWrongAudience, "token: it is for another audience");
}

}  // namespace

Result<std::string> claimed_issuer(std::string_view token) {
  const auto jws = parse_jws(token);
  if (!jws) return malformed(jws.error().detail);
  COFFERDAM_TRY(const Claims claims, read_claims(jws->payload));
  return claims.issuer;
}

Result<Claims> verify_token(std::string_view token, const KeySet& keys,
                            const TokenExpectations& expected) {
  const auto jws = parse_jws(token);
  if (!jws) return malformed(jws.error().detail);
  const auto payload = verify_jws(*jws, keys);
  if (!payload) return fail(Errc::unauthenticated, reason::kBadSignature, payload.error().detail);
  COFFERDAM_TRY(Claims claims, read_claims(*payload));
  if (claims.issuer != expected.issuer) {
    return fail(Errc::denied, reason::kWrongIssuer, "token: it is of another issuer");
  }
  COFFERDAM_CHECK(check_times(claims, expected));
  COFFERDAM_CHECK(check_audience(claims, expected));
  return claims;
}

}  // namespace cofferdam::jose
