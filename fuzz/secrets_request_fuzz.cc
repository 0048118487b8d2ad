// SPDX-License-Identifier: Apache-2.0
// Target: cloud::SecretsManager behind its signature: the first byte chooses an operation,
// the rest is its body, signed by the administrator. Every answer is a JSON object, no
// failure is an internal one, a refusal carries nothing but its name and its text, and the
// secret that was there at the start, where it still is, has one current version.
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "base/json.h"
#include "local_aws.h"

namespace cofferdam {
namespace {

constexpr std::array<std::string_view, 20> kOperations{"BatchGetSecretValue",
                                                       "CancelRotateSecret",
                                                       "DeleteResourcePolicy",
                                                       "DescribeSecret",
                                                       "GetRandomPassword",
                                                       "GetResourcePolicy",
                                                       "GetSecretValue",
                                                       "ListResourcePolicies",
                                                       "ListSecretVersionIds",
                                                       "ListSecrets",
                                                       "PutResourcePolicy",
                                                       "PutSecretValue",
                                                       "RestoreSecret",
                                                       "RotateSecret",
                                                       "TagResource",
                                                       "UntagResource",
                                                       "UpdateSecret",
                                                       "UpdateSecretVersionStage",
                                                       "ValidateResourcePolicy",
                                                       "CreateSecret"};

class Target {
 public:
  Target() {
    must(
        "CreateSecret",
        R"({"Name":"s","SecretString":"x","ClientRequestToken":"00000000-0000-4000-8000-000000000001"})");
  }

  void check(std::string_view operation, ByteView body) {
    const net::HttpResponse response = send(operation, body);
    const auto answer = parse_json(as_text(response.body), /*max_size=*/1 << 24);
    if (!answer || !answer->is_object()) abort();
    if (response.status != 200 && response.status != 400) abort();
    if (response.status == 400 && answer->get_object().size() != 2) abort();
    if (operation == "CreateSecret" && response.status == 200) forget(answer->at("ARN"));
    check_labels();
  }

 private:
  void must(std::string_view operation, std::string_view body) {
    if (send(operation, as_bytes(body)).status != 200) abort();
  }

  // So that the state stays small. It may be "s" itself, which the request repeated.
  void forget(const json::value& arn) {
    if (arn.as_string().find(":secret:s-") != json::string::npos) return;
    const json::object body{{"SecretId", arn}, {"ForceDeleteWithoutRecovery", true}};
    must("DeleteSecret", json::serialize(body));
  }

  void check_labels() {
    const net::HttpResponse response = send("DescribeSecret", as_bytes(R"({"SecretId":"s"})"));
    if (response.status != 200) return;  // A policy may keep even the administrator out.
    const auto answer = parse_json(as_text(response.body), /*max_size=*/1 << 24);
    int current = 0;
    for (const auto& version : answer->at("VersionIdsToStages").as_object()) {
      for (const auto& label : version.value().as_array()) current += label == "AWSCURRENT";
    }
    if (current != 1) abort();
  }

  net::HttpResponse send(std::string_view operation, ByteView body) {
    return aws_.send("secretsmanager", "secretsmanager." + std::string(operation), to_bytes(body));
  }

  LocalAws aws_;
};

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  static Target target;
  if (size == 0 || size > 65'536) return 0;
  target.check(kOperations[data[0] % kOperations.size()], ByteView(data, size).subspan(1));
  return 0;
}
