// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/secrets_core.h"

// The operations of AWS Secrets Manager, each named as AWS names it and in the file above
// it. secrets_manager.cc has the table that leads to them.
namespace cofferdam::cloud::secrets {

using Operation = Result<JsonReply>(SecretsCore&, SecretsRequest&);

// secrets_lifecycle.cc
Operation create_secret;
Operation delete_secret;
Operation restore_secret;
Operation update_secret;

// secrets_versions.cc
Operation list_secret_version_ids;
Operation put_secret_value;
Operation update_secret_version_stage;

// secrets_reading.cc
Operation batch_get_secret_value;
Operation get_secret_value;

// secrets_listing.cc
Operation describe_secret;
Operation list_secrets;

// secrets_policies.cc
Operation delete_resource_policy;
Operation get_resource_policy;
Operation list_resource_policies;
Operation put_resource_policy;
Operation validate_resource_policy;

// secrets_rotation.cc
Operation cancel_rotate_secret;
Operation rotate_secret;

// secrets_tags.cc
Operation tag_resource;
Operation untag_resource;

// secrets_password.cc
Operation get_random_password;

}  // namespace cofferdam::cloud::secrets
