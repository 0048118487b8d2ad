// SPDX-License-Identifier: Apache-2.0
#include "channel/messages.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "base/json.h"
#include "channel/reason.h"

namespace cofferdam::channel {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::invalid_input, reason::kChallengeMalformed, std::string(what));
}

Result<json::object> parse_object(std::string_view body) {
  auto value = parse_json(body, kMaxMessageSize, /*max_depth=*/2);
  if (!value || !value->is_object()) return malformed("expected one JSON object");
  return std::move(value->get_object());
}

Result<Challenge> challenge_of(const json::object& object) {
  const auto text = required_string(object, "challenge");
  const auto bytes = text ? from_hex(*text) : Result<Bytes>(std::unexpected(text.error()));
  if (!bytes || bytes->size() != kChallengeSize) {
    return malformed("challenge: expected 64 hexadecimal digits");
  }
  Challenge out{};
  std::ranges::copy(*bytes, out.begin());
  return out;
}

Result<Bytes> blob(const std::string& text, std::size_t max_size, std::string_view what) {
  auto bytes = from_base64(text);
  if (!bytes || bytes->empty() || bytes->size() > max_size) {
    return malformed(std::string(what) + ": expected base64 of at most " +
                     std::to_string(max_size) + " bytes");
  }
  return bytes;
}

Result<Answer> answer_of(const json::object& object) {
  Answer out;
  const auto document = required_string(object, "document");
  if (!document) return malformed(document.error().detail);
  COFFERDAM_TRY(out.document, blob(*document, attest::kMaxDocumentSize, "document"));
  const auto manifest = optional_string(object, "manifest");
  if (!manifest) return malformed(manifest.error().detail);
  if (*manifest) {
    COFFERDAM_TRY(out.manifest, blob(**manifest, attest::kMaxManifestSize, "manifest"));
  }
  return out;
}

json::object object_of(const Answer& answer) {
  json::object out;
  out["document"] = to_base64(answer.document);
  out["manifest"] =
      answer.manifest.empty() ? json::value(nullptr) : json::value(to_base64(answer.manifest));
  return out;
}

}  // namespace

std::string encode_challenge(const Challenge& challenge) {
  return json::serialize(json::object{{"challenge", to_hex(challenge)}});
}

Result<Challenge> parse_challenge(std::string_view body) {
  COFFERDAM_TRY(const json::object object, parse_object(body));
  return challenge_of(object);
}

std::string encode_attest_answer(const AttestAnswer& answer) {
  json::object out = object_of(answer.answer);
  out["challenge"] = to_hex(answer.challenge);
  return json::serialize(out);
}

Result<AttestAnswer> parse_attest_answer(std::string_view body) {
  COFFERDAM_TRY(const json::object object, parse_object(body));
  AttestAnswer out;
  COFFERDAM_TRY(out.answer, answer_of(object));
  COFFERDAM_TRY(out.challenge, challenge_of(object));
  return out;
}

std::string encode_presentation(const Answer& answer) { return json::serialize(object_of(answer)); }

Result<Answer> parse_presentation(std::string_view body) {
  COFFERDAM_TRY(const json::object object, parse_object(body));
  return answer_of(object);
}

}  // namespace cofferdam::channel
