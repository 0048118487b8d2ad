// SPDX-License-Identifier: Apache-2.0
#include "cloud/sts.h"

#include <array>
#include <string>

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";
constexpr std::string_view kVersion = "2011-06-15";

std::string element(std::string_view name, std::string_view text) {
  return "<" + std::string(name) + ">" + aws::xml_escape(text) + "</" + std::string(name) + ">";
}

// <ActionResponse xmlns="..."><ActionResult>...</ActionResult><ResponseMetadata>...
net::HttpResponse result(std::string_view action, const std::string& content,
                         std::string_view request_id) {
  const std::string name(action);
  auto response = net::text_response(
      200, "text/xml",
      "<" + name + "Response xmlns=\"" + std::string(kNamespace) + "\"><" + name + "Result>" +
          content + "</" + name + "Result><ResponseMetadata>" + element("RequestId", request_id) +
          "</ResponseMetadata></" + name + "Response>\n");
  response.headers.emplace_back("x-amzn-RequestId", request_id);
  return response;
}

// Needs no permission: AWS answers whoever can sign.
net::HttpResponse get_caller_identity(const Call& call) {
  const policy::Principal& principal = call.caller.principal;
  return result("GetCallerIdentity",
                element("Arn", principal.arn) + element("UserId", call.caller.user_id) +
                    element("Account", principal.account),
                call.request_id);
}

struct Action {
  std::string_view name;
  net::HttpResponse (*run)(const Call&);
};
constexpr std::array<Action, 1> kActions{{{"GetCallerIdentity", &get_caller_identity}}};

std::string_view text_of(const QueryForm& form, std::string_view name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string_view() : std::string_view(found->second);
}

// The parameters: the body, or for a presigned URL its query.
Result<QueryForm> form_of(const net::HttpRequest& request) {
  if (request.method == "POST") return parse_query_form(as_text(request.body));
  const std::string_view target = request.target;
  const std::size_t query = target.find('?');
  return parse_query_form(query == std::string_view::npos ? std::string_view()
                                                          : target.substr(query + 1));
}

}  // namespace

net::HttpResponse Sts::answer(const Call& call) {
  const auto form = form_of(call.http);
  if (!form) {
    return refuse({.type = "MalformedQueryString", .message = form.error().detail, .status = 400},
                  call.request_id);
  }
  const std::string_view name = text_of(*form, "Action");
  for (const Action& action : kActions) {
    if (action.name == name && text_of(*form, "Version") == kVersion) return action.run(call);
  }
  return refuse({.type = "InvalidAction",
                 .message = "The local STS does not have this action in version 2011-06-15.",
                 .status = 400},
                call.request_id);
}

net::HttpResponse Sts::refuse(const aws::AwsError& error, std::string_view request_id) const {
  return aws::query_error_response(error, request_id, kNamespace);
}

}  // namespace cofferdam::cloud
