// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cloud/secrets_core.h"

// The pages of lists: MaxResults and NextToken.
namespace cofferdam::cloud::secrets {

struct SecretsPage {
  std::size_t size = 0;
  std::string after;  // The last item of the page before; empty for the first.
};

Result<SecretsPage> read_page(const SecretsRequest& request, std::int64_t standard,
                              std::int64_t most);
// NextToken for the page after this item.
std::string to_token(std::string_view last);
// InvalidNextTokenException.
[[nodiscard]] std::unexpected<Error> bad_token();

}  // namespace cofferdam::cloud::secrets
