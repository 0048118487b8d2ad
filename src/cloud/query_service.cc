// SPDX-License-Identifier: Apache-2.0
#include "cloud/query_service.h"

#include <algorithm>
#include <array>

#include "cloud/api_error.h"
#include "cloud/event_parameters.h"
#include "cloud/xml_text.h"

namespace cofferdam::cloud {
namespace {

struct Known {
  std::string_view code;
  unsigned status;
};

constexpr std::array kKnown{
    Known{query::kDeleteConflict, 409},
    Known{query::kEntityAlreadyExists, 409},
    Known{query::kExpiredWebToken, 400},
    Known{query::kIdpCommunicationError, 400},
    Known{query::kIdpRejectedClaim, 403},
    Known{query::kInvalidAction, 400},
    Known{query::kInvalidIdentityToken, 400},
    Known{query::kInvalidInput, 400},
    Known{query::kInvalidParameterValue, 400},
    Known{query::kLimitExceeded, 409},
    Known{query::kMalformedInput, 400},
    Known{query::kMalformedPolicy, 400},
    Known{query::kMalformedQuery, 400},
    Known{query::kNoSuchEntity, 404},
    Known{query::kPackedPolicyTooLarge, 400},
    Known{query::kUnmodifiable, 400},
    Known{query::kValidation, 400},
};

net::HttpResponse xml_response(unsigned status, const std::string& xml, const Secret* secret,
                               std::string_view request_id) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/xml"}, {"x-amzn-RequestId", std::string(request_id)}};
  const auto place = secret == nullptr ? xml.end() : std::ranges::find(xml, XmlText::kPlace);
  // Reserved at once: growing later would leave an unwiped copy of the secret behind.
  response.body.reserve(xml.size() + (secret == nullptr ? 0 : secret->size()) + 1);
  response.body.assign(xml.begin(), place);
  if (place != xml.end()) {
    const ByteView bytes = secret->reveal();
    response.body.insert(response.body.end(), bytes.begin(), bytes.end());
    response.body.insert(response.body.end(), place + 1, xml.end());
  }
  response.body.push_back('\n');
  return response;
}

std::string_view value_of(const QueryForm& form, std::string_view name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

Result<QueryForm> form_of(const net::HttpRequest& request) {
  const auto parsed = [&]() -> Result<QueryForm> {
    if (request.method == "POST") return parse_query_form(as_text(request.body));
    const std::string_view target = request.target;
    const std::size_t query = target.find('?');
    return parse_query_form(query == std::string_view::npos ? std::string_view()
                                                            : target.substr(query + 1));
  }();
  if (parsed) return parsed;
  return fail(Errc::invalid_input, query::kMalformedQuery, parsed.error().detail);
}

std::string to_xml_time(Timestamp time) {
  return format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

std::unexpected<Error> invalid_action(std::string_view action, std::string_view version) {
  return fail(Errc::invalid_input, query::kInvalidAction,
              "Could not find operation " + std::string(action.substr(0, 64)) + " for version " +
                  std::string(version.substr(0, 32)));
}

net::HttpResponse QueryService::answer(const Call& call) {
  auto response = run(call);
  return response ? *std::move(response) : refuse_action(response.error(), call.request_id);
}

// Of STS also where CloudTrail calls the action read-only: who became whom.
void QueryService::note_elements(const Call& call, std::string_view action,
                                 const QueryReply& reply) const {
  const bool recorded = scope() == "sts" || !is_read_only(action);
  if (!call.trace.detailed || !recorded || !reply.result) return;
  call.trace.elements = recorded_elements(scope(), xml_members(*reply.result));
}

Result<net::HttpResponse> QueryService::run(const Call& call) {
  COFFERDAM_TRY(const QueryForm form, form_of(call.http));
  const std::string action(value_of(form, "Action"));
  const std::string_view wanted = value_of(form, "Version");
  if (wanted != version()) return invalid_action(action, wanted);
  COFFERDAM_TRY(QueryReply reply, invoke(action, call, QueryParameters(form)));
  note_elements(call, action, reply);
  XmlText xml;
  xml.open(action + "Response", xml_namespace());
  if (reply.result) xml.open(action + "Result").raw(*reply.result).close();
  xml.open("ResponseMetadata").leaf("RequestId", call.request_id).close().close();
  return xml_response(200, std::move(xml).take(), reply.secret ? &*reply.secret : nullptr,
                      call.request_id);
}

net::HttpResponse QueryService::refuse_action(const Error& error,
                                              std::string_view request_id) const {
  const auto* known = std::ranges::find(kKnown, error.reason, &Known::code);
  if (known == kKnown.end()) {
    aws::AwsError failure = api::to_aws_error(error);
    if (failure.status >= 500) failure.type = "InternalFailure";
    return refuse(failure, request_id);
  }
  XmlText xml;
  xml.open("ErrorResponse", xml_namespace()).open("Error").leaf("Type", "Sender");
  xml.leaf("Code", known->code).leaf("Message", error.detail).close();
  xml.leaf("RequestId", request_id).close();
  return xml_response(known->status, std::move(xml).take(), /*secret=*/nullptr, request_id);
}

net::HttpResponse QueryService::refuse(const aws::AwsError& error,
                                       std::string_view request_id) const {
  return aws::query_error_response(error, request_id, xml_namespace());
}

}  // namespace cofferdam::cloud
