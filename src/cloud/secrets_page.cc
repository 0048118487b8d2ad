// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_page.h"

#include "base/encoding.h"
#include "cloud/api_error.h"

namespace cofferdam::cloud::secrets {

Result<SecretsPage> read_page(const SecretsRequest& request, std::int64_t standard,
                              std::int64_t most) {
  COFFERDAM_TRY(const auto size, request.parameters.optional_integer("MaxResults", 1, most));
  COFFERDAM_TRY(const auto token, request.parameters.optional_text("NextToken", {1, 4096}));
  SecretsPage page;
  page.size = static_cast<std::size_t>(size.value_or(standard));
  if (!token) return page;
  const auto after = from_base64(*token);
  if (!after || after->empty()) return bad_token();
  page.after = as_text(*after);
  return page;
}

std::string to_token(std::string_view last) { return to_base64(as_bytes(last)); }

std::unexpected<Error> bad_token() {
  return fail(Errc::invalid_input, api::kInvalidNextToken, "The NextToken value is invalid.");
}

}  // namespace cofferdam::cloud::secrets
