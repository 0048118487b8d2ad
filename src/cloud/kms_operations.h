// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/kms_core.h"

// The operations of AWS KMS, each named as AWS names it and in the file above it. kms.cc
// has the table that leads to them.
namespace cofferdam::cloud::kms {

using Operation = Result<JsonReply>(KmsCore&, KmsRequest&);

// kms_keys.cc
Operation create_key;
Operation describe_key;
Operation list_keys;
Operation get_public_key;

// kms_key_policies.cc
Operation get_key_policy;
Operation list_key_policies;
Operation put_key_policy;

// kms_lifecycle.cc
Operation cancel_key_deletion;
Operation disable_key;
Operation enable_key;
Operation schedule_key_deletion;
Operation update_key_description;

// kms_aliases.cc
Operation create_alias;
Operation delete_alias;
Operation list_aliases;
Operation update_alias;

// kms_tags.cc
Operation list_resource_tags;
Operation tag_resource;
Operation untag_resource;

// kms_rotation.cc
Operation disable_key_rotation;
Operation enable_key_rotation;
Operation get_key_rotation_status;
Operation list_key_rotations;
Operation rotate_key_on_demand;

// kms_encryption.cc
Operation decrypt;
Operation encrypt;
Operation re_encrypt;

// kms_data_keys.cc
Operation derive_shared_secret;
Operation generate_data_key;
Operation generate_data_key_pair;
Operation generate_data_key_pair_without_plaintext;
Operation generate_data_key_without_plaintext;
Operation generate_random;

// kms_signing.cc
Operation generate_mac;
Operation sign;
Operation verify;
Operation verify_mac;

// kms_grants.cc
Operation create_grant;
Operation list_grants;
Operation list_retirable_grants;
Operation retire_grant;
Operation revoke_grant;

}  // namespace cofferdam::cloud::kms
