// SPDX-License-Identifier: Apache-2.0
#include "cloud/json_service.h"

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/event_parameters.h"

namespace cofferdam::cloud {
namespace {

// A document of 262,144 bytes in base64 and the rest of a request around it.
constexpr std::size_t kMaxBody = std::size_t{512} * 1024;

void append(Bytes& body, std::string_view text) {
  body.insert(body.end(), text.begin(), text.end());
}

void append_plaintext(Bytes& body, const Secret& plaintext, std::string_view member, bool first) {
  const Secret encoded = secret_to_base64(plaintext);
  // Reserved at once: growing later would leave an unwiped copy behind.
  body.reserve(body.size() + encoded.size() + member.size() + 16);
  body.pop_back();  // The closing brace.
  append(body, first ? "\"" : ",\"");
  append(body, member);
  append(body, "\":\"");
  append(body, as_text(encoded.reveal()));
  append(body, "\"}");
}

net::HttpResponse render(const JsonReply& reply, std::string_view request_id) {
  net::HttpResponse response;
  response.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                      {"x-amzn-RequestId", std::string(request_id)},
                      {"Cache-Control", "no-cache, no-store, must-revalidate, private"}};
  if (reply.body) {
    response.body = to_bytes(reply.body->reveal());
    return response;
  }
  append(response.body, json::serialize(reply.members));
  if (reply.plaintext)
    append_plaintext(response.body, *reply.plaintext, reply.plaintext_member,
                     reply.members.empty());
  return response;
}

}  // namespace

net::HttpResponse JsonService::answer(const Call& call) {
  const std::string_view target = net::header(call.http.headers, "X-Amz-Target");
  const std::size_t dot = target.find('.');
  const std::string_view operation =
      dot == std::string_view::npos ? std::string_view() : target.substr(dot + 1);
  const std::string_view body = as_text(call.http.body);
  auto parsed = parse_json_with_secrets(body.empty() ? "{}" : body, kMaxBody, secret_members());
  if (!parsed || !parsed->value.is_object()) {
    return refuse({.type = std::string(api::kSerialization),
                   .message = parsed ? "The request is not a JSON object." : parsed.error().detail,
                   .status = 400},
                  call.request_id);
  }
  if (call.trace.detailed) {
    call.trace.parameters = recorded_parameters(scope(), parsed->value.get_object());
  }
  const auto reply = invoke(operation, call,
                            Parameters(parsed->value.get_object(), /*path=*/{}, &parsed->secrets));
  if (!reply) {
    aws::AwsError error = api::to_aws_error(reply.error());
    if (error.type == api::kInternal) error.type = internal_error();
    return refuse(error, call.request_id);
  }
  if (call.trace.detailed && !is_read_only(operation)) {
    call.trace.elements = recorded_elements(scope(), reply->members);
  }
  return render(*reply, call.request_id);
}

net::HttpResponse JsonService::refuse(const aws::AwsError& error,
                                      std::string_view request_id) const {
  return aws::json_error_response(error, request_id);
}

}  // namespace cofferdam::cloud
