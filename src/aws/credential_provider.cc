// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_provider.h"

namespace cofferdam::aws {
namespace {

bool is_set(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value != nullptr && *value != '\0';
}

// What the environment or a file holds does not change by itself.
class FixedProvider final : public CredentialProvider {
 public:
  explicit FixedProvider(Credentials credentials) : credentials_(std::move(credentials)) {}
  std::string_view name() const override { return "the environment or the credentials file"; }
  Task<IssuedCredentials> fetch() override {
    co_return IssuedCredentials{.credentials = credentials_.clone(), .expires = {}};
  }

 private:
  Credentials credentials_;
};

}  // namespace

Result<std::unique_ptr<CredentialProvider>> choose_provider(ProviderContext context) {
  const Environment& environment = context.environment;
  auto fixed = find_credentials(environment);
  if (fixed) return std::make_unique<FixedProvider>(*std::move(fixed));
  if (fixed.error().code != Errc::not_found) return std::unexpected(std::move(fixed).error());
  if (is_set(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")) return web_identity_provider(context);
  if (is_set(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI") ||
      is_set(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    return container_provider(context);
  }
  const char* const disabled = environment("AWS_EC2_METADATA_DISABLED");
  if (disabled != nullptr && std::string_view(disabled) == "true") {
    return fail(Errc::not_found, "no AWS credentials are configured");
  }
  return instance_metadata_provider(context);
}

}  // namespace cofferdam::aws
