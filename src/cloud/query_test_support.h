// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cloud/query_form.h"
#include "cloud/test_support.h"

// For tests of the services of the Query protocol.
namespace cofferdam::cloud::test {

struct XmlAnswer {
  unsigned status = 0;
  std::string text;

  // The text of the first element with this name; "" if there is none.
  std::string leaf(std::string_view name) const {
    const std::string open = "<" + std::string(name) + ">";
    const std::size_t start = text.find(open);
    if (start == std::string::npos) return "";
    const std::size_t end = text.find("</" + std::string(name) + ">", start);
    return text.substr(start + open.size(), end - start - open.size());
  }
  bool has(std::string_view part) const { return text.find(part) != std::string::npos; }
  std::string error() const { return leaf("Code"); }
  std::string message() const { return leaf("Message"); }
};

inline net::HttpRequest query_request(std::string_view action, std::string_view version,
                                      QueryForm form) {
  form["Action"] = action;
  form["Version"] = version;
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers = {{"Host", "127.0.0.1:4566"},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = to_bytes(std::string_view(to_text(form)));
  request.peer = "127.0.0.1:4711";
  return request;
}

// A local AWS with the services of the Query protocol at hand.
class QueryCloud : public TestCloud {
 public:
  using TestCloud::TestCloud;

  static XmlAnswer read_xml(const net::HttpResponse& response) {
    return {.status = response.status, .text = std::string(as_text(response.body))};
  }
  XmlAnswer query(const aws::Credentials& who, std::string_view service, net::HttpRequest request) {
    const aws::SigningScope scope{.region = "us-east-1", .service = std::string(service)};
    EXPECT_TRUE(aws::sign_request(request, who, scope, clock.now()).has_value());
    return read_xml(handle(request));
  }
  XmlAnswer iam(const aws::Credentials& who, std::string_view action, QueryForm form) {
    return query(who, "iam", query_request(action, "2010-05-08", std::move(form)));
  }
  XmlAnswer iam(std::string_view action, QueryForm form) {
    return iam(admin(), action, std::move(form));
  }
  XmlAnswer sts(const aws::Credentials& who, std::string_view action, QueryForm form) {
    return query(who, "sts", query_request(action, "2011-06-15", std::move(form)));
  }
  // Must succeed.
  XmlAnswer did(std::string_view action, QueryForm form) {
    XmlAnswer answer = iam(action, std::move(form));
    EXPECT_EQ(answer.status, 200U) << action << ": " << answer.text;
    return answer;
  }

  static aws::Credentials credentials_in(const XmlAnswer& answer) {
    aws::Credentials credentials;
    credentials.access_key_id = answer.leaf("AccessKeyId");
    credentials.secret_access_key =
        Secret::copy_of(as_bytes(std::string_view(answer.leaf("SecretAccessKey"))));
    credentials.session_token = answer.leaf("SessionToken");
    return credentials;
  }
  // A new user with an access key and, unless empty, one inline policy.
  aws::Credentials make_user(const std::string& name, const std::string& policy) {
    did("CreateUser", {{"UserName", name}});
    if (!policy.empty()) {
      did("PutUserPolicy", {{"UserName", name}, {"PolicyName", "own"}, {"PolicyDocument", policy}});
    }
    return credentials_in(did("CreateAccessKey", {{"UserName", name}}));
  }
  void make_role(const std::string& name, const std::string& trust, const std::string& policy) {
    did("CreateRole", {{"RoleName", name}, {"AssumeRolePolicyDocument", trust}});
    if (policy.empty()) return;
    did("PutRolePolicy", {{"RoleName", name}, {"PolicyName", "own"}, {"PolicyDocument", policy}});
  }
  // The administrator of another account.
  aws::Credentials other_admin(const std::string& account) {
    const Place place{.account = account};
    EXPECT_TRUE(ensure_principals(store(), place, clock.now()).has_value());
    return credentials(admin_arn(place));
  }
};

// One statement, single quotes for double ones.
inline std::string policy_of(std::string_view members) {
  std::string text = "{'Version':'2012-10-17','Statement':[{" + std::string(members) + "}]}";
  for (char& c : text) {
    if (c == '\'') c = '"';
  }
  return text;
}

inline std::string allow(std::string_view action, std::string_view resource = "*") {
  return policy_of("'Effect':'Allow','Action':'" + std::string(action) + "','Resource':'" +
                   std::string(resource) + "'");
}

inline std::string trust(std::string_view principal, std::string_view more = {},
                         std::string_view action = "'sts:AssumeRole'") {
  return policy_of("'Effect':'Allow','Action':" + std::string(action) +
                   ",'Principal':" + std::string(principal) + std::string(more));
}

}  // namespace cofferdam::cloud::test
