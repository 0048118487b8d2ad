// SPDX-License-Identifier: Apache-2.0
// Target: cloud::CloudService behind its signature: the first byte chooses an operation, the
// rest is its body, signed by the administrator. Every answer is a JSON object, no failure is
// an internal one, and a refusal carries nothing but its name and its text.
#include <array>
#include <cstdlib>

#include "base/json.h"
#include "cloud/kms_store.h"
#include "local_aws.h"
#include "policy/kms.h"

namespace cofferdam {
namespace {

// All but those that make a key or a random value, so that the state stays small.
constexpr std::array<std::string_view, 34> kOperations{"Decrypt",
                                                       "Encrypt",
                                                       "GenerateDataKey",
                                                       "DescribeKey",
                                                       "GetKeyPolicy",
                                                       "PutKeyPolicy",
                                                       "ListKeys",
                                                       "CreateAlias",
                                                       "DisableKey",
                                                       "EnableKey",
                                                       "UpdateAlias",
                                                       "DeleteAlias",
                                                       "ListAliases",
                                                       "ListKeyPolicies",
                                                       "UpdateKeyDescription",
                                                       "TagResource",
                                                       "UntagResource",
                                                       "ListResourceTags",
                                                       "EnableKeyRotation",
                                                       "DisableKeyRotation",
                                                       "GetKeyRotationStatus",
                                                       "ListKeyRotations",
                                                       "GetPublicKey",
                                                       "Sign",
                                                       "Verify",
                                                       "GenerateMac",
                                                       "VerifyMac",
                                                       "ReEncrypt",
                                                       "DeriveSharedSecret",
                                                       "ListGrants",
                                                       "ListRetirableGrants",
                                                       "RetireGrant",
                                                       "RevokeGrant",
                                                       "CancelKeyDeletion"};
constexpr std::string_view kKeyId = "01234567-89ab-4def-8123-456789abcdef";

class Target {
 public:
  Target() {
    const cloud::Place place;
    const cloud::KeyRecord key{
        .id = std::string(kKeyId),
        .arn = "arn:aws:kms:us-east-1:111122223333:key/" + std::string(kKeyId),
        .account = place.account,
        .description = "",
        .created = aws_.now(),
        .policy = policy::default_key_policy(place.account),
        .deletion = {},
        .rotation_days = {},
        .next_rotation = {}};
    if (!cloud::KeyStore(aws_.store()).add_key(key, Secret(32))) abort();
  }

  void check(std::string_view operation, ByteView body) {
    const net::HttpResponse response =
        aws_.send("kms", "TrentService." + std::string(operation), to_bytes(body));
    const auto answer = parse_json(as_text(response.body), /*max_size=*/1 << 20);
    if (!answer || !answer->is_object()) abort();
    if (response.status != 200 && response.status != 400) abort();
    if (response.status == 400 && answer->get_object().size() != 2) abort();
  }

 private:
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
