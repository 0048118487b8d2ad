// SPDX-License-Identifier: Apache-2.0
#include "aws/error.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "aws/sigv4.h"
#include "base/json.h"

namespace cofferdam::aws {
namespace {

struct QueryName {
  std::string_view json_type;
  std::string_view code;
};

constexpr auto kQueryNames = std::to_array<QueryName>({
    {"InvalidSignatureException", "SignatureDoesNotMatch"},
    {"UnrecognizedClientException", "InvalidClientTokenId"},
    {"AccessDeniedException", "AccessDenied"},
    {"ThrottlingException", "Throttling"},
    {"ValidationException", "ValidationError"},
});

constexpr auto kForbidden = std::to_array<std::string_view>(
    {"SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationToken",
     "IncompleteSignature", "AccessDenied", "ExpiredToken"});

constexpr std::size_t kMaxErrorSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxMessageSize = 400;

// AWS's words, cut and reduced to printable ASCII.
std::string tame(std::string_view text) {
  std::string out(text.substr(0, kMaxMessageSize));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

net::HttpResponse response(unsigned status, std::string_view content_type, std::string_view body,
                           std::string_view request_id) {
  net::HttpResponse out = net::text_response(status, content_type, body);
  out.headers.emplace_back("x-amzn-RequestId", request_id);
  return out;
}

}  // namespace

std::string query_error_code(std::string_view json_type) {
  const auto* found = std::ranges::find(kQueryNames, json_type, &QueryName::json_type);
  if (found != kQueryNames.end()) return std::string(found->code);
  constexpr std::string_view kSuffix = "Exception";
  if (json_type.ends_with(kSuffix)) json_type.remove_suffix(kSuffix.size());
  return std::string(json_type);
}

AwsError signature_error(const Error& error) {
  return {.type = std::string(error.reason.empty() ? kInvalidSignature : error.reason),
          .message = error.detail,
          .status = 400};
}

AwsError read_json_error(const net::HttpResponse& response) {
  AwsError out{.type = {}, .message = {}, .status = response.status};
  const auto body = parse_json(as_text(response.body), kMaxErrorSize);
  if (!body || !body->is_object()) return out;
  const json::object& object = body->get_object();
  const auto type = optional_string(object, "__type").value_or(std::nullopt).value_or("");
  out.type = tame(type.substr(type.rfind('#') + 1));
  for (const char* name : {"message", "Message"}) {
    const auto text = optional_string(object, name).value_or(std::nullopt);
    if (text && out.message.empty()) out.message = tame(*text);
  }
  return out;
}

net::HttpResponse json_error_response(const AwsError& error, std::string_view request_id) {
  const json::object body{{"__type", error.type}, {"message", error.message}};
  return response(error.status, "application/x-amz-json-1.1", json::serialize(body), request_id);
}

net::HttpResponse query_error_response(const AwsError& error, std::string_view request_id,
                                       std::string_view xml_namespace) {
  const std::string code = query_error_code(error.type);
  const bool forbidden = std::ranges::find(kForbidden, code) != kForbidden.end();
  const bool ours = error.status >= 500;
  std::string body = "<ErrorResponse xmlns=\"" + xml_escape(xml_namespace) + "\">\n  <Error>\n";
  body += "    <Type>" + std::string(ours ? "Receiver" : "Sender") + "</Type>\n";
  body += "    <Code>" + xml_escape(code) + "</Code>\n";
  body += "    <Message>" + xml_escape(error.message) + "</Message>\n  </Error>\n";
  body += "  <RequestId>" + xml_escape(request_id) + "</RequestId>\n</ErrorResponse>\n";
  return response(forbidden ? 403 : error.status, "text/xml", body, request_id);
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out +=
            static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r' ? '?' : c;
    }
  }
  return out;
}

}  // namespace cofferdam::aws
