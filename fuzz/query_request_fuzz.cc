// SPDX-License-Identifier: Apache-2.0
// Target: IAM and STS behind their signatures: the first byte chooses the service and the
// action, the rest is the form, signed by the administrator. Every answer is one XML element
// that ends as it begins, and no failure is an internal one.
#include <array>
#include <cstdlib>

#include "local_aws.h"

namespace cofferdam {
namespace {

struct Action {
  std::string_view service;
  std::string_view version;
  std::string_view name;
};
constexpr std::string_view kIam = "2010-05-08";
constexpr std::string_view kSts = "2011-06-15";

// What makes an entity is balanced by what deletes it, so that the state stays small.
constexpr auto kActions = std::to_array<Action>({
    {"sts", kSts, "AssumeRole"},
    {"sts", kSts, "AssumeRoleWithWebIdentity"},
    {"sts", kSts, "GetAccessKeyInfo"},
    {"sts", kSts, "GetSessionToken"},
    {"iam", kIam, "GetUser"},
    {"iam", kIam, "ListUsers"},
    {"iam", kIam, "ListRoles"},
    {"iam", kIam, "ListPolicies"},
    {"iam", kIam, "PutUserPolicy"},
    {"iam", kIam, "GetUserPolicy"},
    {"iam", kIam, "DeleteUserPolicy"},
    {"iam", kIam, "UpdateAssumeRolePolicy"},
    {"iam", kIam, "UpdateRole"},
    {"iam", kIam, "AttachRolePolicy"},
    {"iam", kIam, "DetachRolePolicy"},
    {"iam", kIam, "TagUser"},
    {"iam", kIam, "UntagUser"},
    {"iam", kIam, "ListUserTags"},
    {"iam", kIam, "UpdateAccessKey"},
    {"iam", kIam, "GetPolicyVersion"},
    {"iam", kIam, "AddClientIDToOpenIDConnectProvider"},
});

class Target {
 public:
  Target() { renew(); }

  void check(const Action& action, std::string_view form) {
    const std::string text = "Action=" + std::string(action.name) +
                             "&Version=" + std::string(action.version) + "&" + std::string(form);
    const net::HttpResponse response = aws_.send(action.service, {}, to_bytes(text));
    const std::string_view xml = as_text(response.body);
    if (response.status >= 500 || !xml.starts_with("<")) abort();
    const std::string_view name = xml.substr(1, xml.find_first_of(" >") - 1);
    if (!xml.ends_with("</" + std::string(name) + ">\n")) abort();
    // It may have locked itself out.
    if (response.status == 403) renew();
  }

 private:
  void renew() {
    aws_.become_administrator({.account = std::to_string(100'000'000'000 + accounts_++ % 1000)});
  }

  LocalAws aws_;
  std::int64_t accounts_ = 0;
};

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  static Target target;
  if (size == 0 || size > 32'768) return 0;
  target.check(kActions[data[0] % kActions.size()], as_text(ByteView(data, size).subspan(1)));
  return 0;
}
