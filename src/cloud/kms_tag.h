// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "cloud/kms_request.h"

namespace cofferdam::cloud::kms {

using Tags = std::map<std::string, std::string>;

// The Tags of a request: 50 at most, none of AWS's own. TagException otherwise.
Result<Tags> read_tags(const Parameters& parameters);
// aws:RequestTag/NAME and aws:TagKeys.
void add_tag_facts(const Tags& tags, KmsFacts& facts);

}  // namespace cofferdam::cloud::kms
