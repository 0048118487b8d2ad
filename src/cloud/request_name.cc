// SPDX-License-Identifier: Apache-2.0
#include "cloud/request_name.h"

#include <algorithm>
#include <array>

#include "cloud/query_form.h"

namespace cofferdam::cloud {
namespace {

struct Known {
  std::string_view service;
  std::string_view target_prefix;  // Of X-Amz-Target; empty: the Query protocol.
  std::string_view version;        // Of the Query protocol.
  std::string_view xml_namespace;
};
constexpr auto kKnown = std::to_array<Known>({
    {"kms", "TrentService", "", ""},
    {"secretsmanager", "secretsmanager", "", ""},
    {"sts", "", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/"},
    {"iam", "", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/"},
});
constexpr std::size_t kMaxOperation = 64;
constexpr std::size_t kMaxMessage = 1024;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string operation_of(std::string_view name) {
  const bool plain = name.size() <= kMaxOperation && std::ranges::all_of(name, is_letter_or_digit);
  return std::string(plain ? name : std::string_view());
}

std::string_view parameters_of(const net::HttpRequest& request) {
  if (request.method == "POST") return as_text(request.body);
  const std::string_view target = request.target;
  const std::size_t query = target.find('?');
  return query == std::string_view::npos ? std::string_view() : target.substr(query + 1);
}

// The value of a parameter whose name and value need no escapes.
std::string_view plain_parameter(std::string_view form, std::string_view name) {
  for (std::size_t begin = 0; begin < form.size();) {
    const std::size_t end = std::min(form.find('&', begin), form.size());
    const std::string_view pair = form.substr(begin, end - begin);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
    begin = end + 1;
  }
  return {};
}

// Up to the first closing tag: our own answers escape what they carry.
std::string_view element(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">";
  const std::size_t begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = xml.find('<', begin + open.size());
  if (end == std::string_view::npos) return {};
  return xml.substr(begin + open.size(), end - begin - open.size());
}

}  // namespace

RequestName name_of(const net::HttpRequest& request) {
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  if (!target.empty()) {
    const std::size_t dot = std::min(target.find('.'), target.size());
    const auto* known = std::ranges::find(kKnown, target.substr(0, dot), &Known::target_prefix);
    if (known == kKnown.end()) return {};
    return {.service = std::string(known->service),
            .operation = operation_of(target.substr(std::min(dot + 1, target.size())))};
  }
  const std::string_view form = parameters_of(request);
  const std::string_view version = plain_parameter(form, "Version");
  const auto* known = std::ranges::find(kKnown, version, &Known::version);
  if (version.empty() || known == kKnown.end()) return {};
  return {.service = std::string(known->service),
          .operation = operation_of(plain_parameter(form, "Action"))};
}

net::HttpResponse refusal(std::string_view service, const aws::AwsError& error,
                          std::string_view request_id) {
  const auto* known = std::ranges::find(kKnown, service, &Known::service);
  const bool query = known != kKnown.end() && known->target_prefix.empty();
  return query ? aws::query_error_response(error, request_id, known->xml_namespace)
               : aws::json_error_response(error, request_id);
}

aws::AwsError error_in(const net::HttpResponse& response) {
  if (response.status < 400) return {};
  const std::string_view body = as_text(response.body);
  if (!body.starts_with("<ErrorResponse")) return aws::read_json_error(response);
  return {.type = std::string(element(body, "Code")),
          .message = std::string(element(body, "Message").substr(0, kMaxMessage)),
          .status = response.status};
}

}  // namespace cofferdam::cloud
