// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cloud/secrets_page.h"

// Finding secrets: Filters of ListSecrets and BatchGetSecretValue.
namespace cofferdam::cloud::secrets {

// One of the values must match, or for one that begins with "!" must not.
struct SecretFilter {
  std::string key;
  std::vector<std::string> values;
};

// At most ten; InvalidParameterException for a key or a value that AWS does not take.
Result<std::vector<SecretFilter>> read_filters(const Parameters& parameters);

// Whether every filter matches: prefixes, of descriptions without regard to case; "all"
// looks for each word anywhere.
bool matches(const std::vector<SecretFilter>& filters, const SecretRecord& secret,
             const SecretTags& tags, std::string_view region);

struct FoundSecrets {
  std::vector<SecretRecord> secrets;
  std::optional<std::string> next_token;
};
// Of the caller's account, in the order of `after`, whose `last` the page fills in.
Result<FoundSecrets> find_page(SecretsCore& core, const SecretsRequest& request, SecretsAfter after,
                               const std::vector<SecretFilter>& filters, bool deleted_too,
                               const SecretsPage& page);

}  // namespace cofferdam::cloud::secrets
