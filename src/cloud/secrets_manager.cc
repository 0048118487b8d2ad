// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_manager.h"

#include <algorithm>
#include <array>

#include "cloud/api_error.h"
#include "cloud/secrets_operations.h"

namespace cofferdam::cloud {
namespace {

struct NamedOperation {
  std::string_view name;
  secrets::Operation* run;
};

constexpr std::array kOperations{
    NamedOperation{"BatchGetSecretValue", secrets::batch_get_secret_value},
    NamedOperation{"CancelRotateSecret", secrets::cancel_rotate_secret},
    NamedOperation{"CreateSecret", secrets::create_secret},
    NamedOperation{"DeleteResourcePolicy", secrets::delete_resource_policy},
    NamedOperation{"DeleteSecret", secrets::delete_secret},
    NamedOperation{"DescribeSecret", secrets::describe_secret},
    NamedOperation{"GetRandomPassword", secrets::get_random_password},
    NamedOperation{"GetResourcePolicy", secrets::get_resource_policy},
    NamedOperation{"GetSecretValue", secrets::get_secret_value},
    NamedOperation{"ListResourcePolicies", secrets::list_resource_policies},
    NamedOperation{"ListSecretVersionIds", secrets::list_secret_version_ids},
    NamedOperation{"ListSecrets", secrets::list_secrets},
    NamedOperation{"PutResourcePolicy", secrets::put_resource_policy},
    NamedOperation{"PutSecretValue", secrets::put_secret_value},
    NamedOperation{"RestoreSecret", secrets::restore_secret},
    NamedOperation{"RotateSecret", secrets::rotate_secret},
    NamedOperation{"TagResource", secrets::tag_resource},
    NamedOperation{"UntagResource", secrets::untag_resource},
    NamedOperation{"UpdateSecret", secrets::update_secret},
    NamedOperation{"UpdateSecretVersionStage", secrets::update_secret_version_stage},
    NamedOperation{"ValidateResourcePolicy", secrets::validate_resource_policy},
};

}  // namespace

std::span<const std::string_view> SecretsManager::secret_members() const noexcept {
  static constexpr std::array<std::string_view, 3> kMembers{"RotationToken", "SecretBinary",
                                                            "SecretString"};
  return kMembers;
}

Result<JsonReply> SecretsManager::invoke(std::string_view name, const Call& call,
                                         Parameters parameters) {
  const auto* operation = std::ranges::find(kOperations, name, &NamedOperation::name);
  if (operation == kOperations.end()) {
    return fail(Errc::invalid_input, api::kUnknownOperation,
                "The local Secrets Manager does not have this operation.");
  }
  COFFERDAM_CHECK(core_.settle(call.now));
  SecretsRequest request{
      .call = call, .operation = operation->name, .parameters = std::move(parameters)};
  return operation->run(core_, request);
}

}  // namespace cofferdam::cloud
