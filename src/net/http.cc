// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/json.h"
#include "base/text.h"

namespace cofferdam::net {
namespace {

struct Outcome {
  unsigned status;
  std::string_view name;
};

Outcome outcome_of(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_input:
      return {400, "invalid_input"};
    case Errc::unauthenticated:
      return {401, "unauthenticated"};
    case Errc::denied:
      return {403, "denied"};
    case Errc::not_found:
      return {404, "not_found"};
    case Errc::unavailable:
      return {503, "unavailable"};
    case Errc::deadline_exceeded:
      return {504, "deadline_exceeded"};
    case Errc::internal:
      break;
  }
  return {500, "internal"};
}

}  // namespace

std::string_view header(const Headers& headers, std::string_view name) noexcept {
  const auto found = std::ranges::find_if(
      headers, [&](const auto& h) { return equal_ignoring_case(h.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

HttpResponse text_response(unsigned status, std::string_view content_type, std::string_view body) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back("Content-Type", content_type);
  response.body = to_bytes(body);
  return response;
}

HttpResponse json_response(unsigned status, std::string_view json_text) {
  return text_response(status, "application/json", json_text);
}

HttpResponse error_response(unsigned status, std::string_view reason, std::string_view detail) {
  const json::object body{{"error", reason}, {"detail", detail}};
  return json_response(status, json::serialize(body));
}

HttpResponse error_response(const Error& error) {
  const Outcome outcome = outcome_of(error.code);
  return error_response(outcome.status, error.reason.empty() ? outcome.name : error.reason,
                        error.detail);
}

}  // namespace cofferdam::net
