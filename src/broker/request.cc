// SPDX-License-Identifier: Apache-2.0
#include "broker/request.h"

#include <algorithm>
#include <array>

#include "attest/document.h"
#include "base/encoding.h"
#include "base/json.h"
#include "broker/reason.h"

namespace cofferdam::broker {
namespace {

constexpr std::size_t kMaxProof = 256;
constexpr std::size_t kMaxAudience = 256;
constexpr std::size_t kMaxRole = 2048;   // As STS takes them.
constexpr std::size_t kMaxSession = 64;  // Likewise.
constexpr std::int64_t kMaxDuration = 43'200;
constexpr std::array<std::string_view, 7> kMembers{
    "document", "audience", "role", "sessionName", "durationSeconds", "algorithm", "proof"};

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kMalformedRequest, std::move(detail));
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// [\w+=,.@-]{2,64}
bool is_session_name(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter_or_digit(c) || std::string_view("_+=,.@-").contains(c);
  };
  return text.size() >= 2 && text.size() <= kMaxSession && std::ranges::all_of(text, allowed);
}

bool is_role(std::string_view text) {
  return text.size() <= kMaxRole && is_visible(text) && text.starts_with("arn:") &&
         text.contains(":iam::") && text.contains(":role/");
}

Result<Bytes> binary(const json::object& object, std::string_view name, std::size_t max_size) {
  COFFERDAM_TRY(const std::string text, required_string(object, name));
  COFFERDAM_TRY(Bytes out, from_base64(text));
  if (out.empty() || out.size() > max_size) {
    return malformed("expected 1 to " + std::to_string(max_size) + " bytes under \"" +
                     std::string(name) + "\"");
  }
  return out;
}

Status read_assumption(const json::object& object, attest::TokenRequest& out) {
  COFFERDAM_TRY(out.role, optional_string(object, "role"));
  if (out.role && !is_role(*out.role))
    return malformed("expected the ARN of a role under \"role\"");
  COFFERDAM_TRY(out.session_name, optional_string(object, "sessionName"));
  if (out.session_name && !is_session_name(*out.session_name)) {
    return malformed("expected 2 to 64 letters, digits or _+=,.@- under \"sessionName\"");
  }
  COFFERDAM_TRY(const auto duration, optional_integer(object, "durationSeconds"));
  if (!duration) return {};
  if (*duration < 1 || *duration > kMaxDuration) {
    return malformed("expected 1 to 43200 under \"durationSeconds\"");
  }
  out.duration_seconds = static_cast<std::uint32_t>(*duration);
  return {};
}

Result<Application> read(const json::object& object) {
  for (const auto& [name, value] : object) {
    if (std::ranges::find(kMembers, std::string_view(name)) == kMembers.end()) {
      return malformed("the request has a member that is not known");
    }
  }
  Application out;
  COFFERDAM_TRY(out.document, binary(object, "document", attest::kMaxDocumentSize));
  COFFERDAM_TRY(out.proof, binary(object, "proof", kMaxProof));
  COFFERDAM_TRY(out.request.audience, required_string(object, "audience"));
  if (out.request.audience.empty() || out.request.audience.size() > kMaxAudience ||
      !is_visible(out.request.audience)) {
    return malformed("expected 1 to 256 visible characters under \"audience\"");
  }
  COFFERDAM_CHECK(read_assumption(object, out.request));
  COFFERDAM_TRY(const auto algorithm, optional_string(object, "algorithm"));
  if (algorithm) out.request.algorithm = *algorithm;
  if (out.request.algorithm != "ES256" && out.request.algorithm != "RS256") {
    return malformed("expected ES256 or RS256 under \"algorithm\"");
  }
  return out;
}

}  // namespace

Result<Application> parse_application(std::string_view body) {
  auto value = parse_json(body, kMaxRequestSize, 2);
  if (!value) return malformed(std::move(value).error().detail);
  if (!value->is_object()) return malformed("expected a JSON object");
  auto out = read(value->get_object());
  if (!out) return malformed(std::move(out).error().detail);
  return out;
}

}  // namespace cofferdam::broker
