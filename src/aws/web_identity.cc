// SPDX-License-Identifier: Apache-2.0
#include "aws/web_identity.h"

#include <algorithm>
#include <filesystem>

#include "aws/canonical.h"
#include "aws/credential_provider.h"
#include "aws/http_url.h"
#include "aws/sts_response.h"
#include "base/file.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxToken = std::size_t{20} * 1000;  // STS's own limit.
constexpr std::string_view kDefaultSession = "cofferdam-parent";

std::string text_of(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value == nullptr ? "" : value;
}

std::string sts_url(const Environment& environment) {
  std::string url = text_of(environment, "AWS_ENDPOINT_URL_STS");
  if (!url.empty()) return url;
  std::string region = text_of(environment, "AWS_REGION");
  if (region.empty()) region = text_of(environment, "AWS_DEFAULT_REGION");
  if (region.empty()) return "https://sts.amazonaws.com";
  return "https://sts." + region +
         (region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
}

// What a service account of EKS gets: its token, exchanged at STS for a role's session.
class WebIdentityProvider final : public CredentialProvider {
 public:
  WebIdentityProvider(std::filesystem::path token_file, std::string role, std::string session,
                      std::string target, net::HttpClientOptions sts)
      : token_file_(std::move(token_file)),
        role_(std::move(role)),
        session_(std::move(session)),
        target_(std::move(target)),
        sts_(std::move(sts)) {}

  std::string_view name() const override { return "AssumeRoleWithWebIdentity"; }

  Task<IssuedCredentials> fetch() override {
    COFFERDAM_CO_TRY(net::HttpRequest request, make_request());
    net::HttpClient client(sts_);
    COFFERDAM_CO_TRY(auto response, co_await client.send(std::move(request)));
    if (response.status == 400 || response.status == 403) {
      co_return fail(Errc::denied, "STS refused the token of " + token_file_.string() + " for " +
                                       role_ + " (status " + std::to_string(response.status) +
                                       "): check the role's trust policy");
    }
    if (response.status != 200) {
      co_return fail(Errc::unavailable, "STS answered " + std::to_string(response.status));
    }
    auto issued = parse_web_identity_response(response.body);
    wipe(response.body);
    co_return issued;
  }

 private:
  Result<net::HttpRequest> make_request() const {
    COFFERDAM_TRY(const Secret token, read_secret_file(token_file_, kMaxToken));
    const std::string_view text = as_text(token.reveal());
    net::HttpRequest request =
        web_identity_request({.role_arn = role_, .session_name = session_},
                             text.substr(0, text.find_last_not_of("\r\n") + 1));
    request.target = target_;
    return request;
  }

  std::filesystem::path token_file_;
  std::string role_;
  std::string session_;
  std::string target_;
  net::HttpClientOptions sts_;
};

void wipe_text(std::string& text) {
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

net::HttpRequest web_identity_request(const WebIdentityCall& call, std::string_view token) {
  std::string form = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
                     percent_encode(call.role_arn) +
                     "&RoleSessionName=" + percent_encode(call.session_name);
  if (call.duration) form += "&DurationSeconds=" + std::to_string(call.duration->count());
  form += "&WebIdentityToken=";
  std::string encoded = percent_encode(token);
  net::HttpRequest out;
  out.method = "POST";
  out.target = "/";
  out.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "text/xml"}};
  out.body.reserve(form.size() + encoded.size());
  out.body.insert(out.body.end(), form.begin(), form.end());
  out.body.insert(out.body.end(), encoded.begin(), encoded.end());
  wipe_text(encoded);
  return out;
}

Result<std::unique_ptr<CredentialProvider>> web_identity_provider(const ProviderContext& context) {
  const Environment& environment = context.environment;
  const std::string file = text_of(environment, "AWS_WEB_IDENTITY_TOKEN_FILE");
  const std::string role = text_of(environment, "AWS_ROLE_ARN");
  if (file.empty() || role.empty()) {
    return fail(Errc::invalid_input,
                "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN have to be set together");
  }
  std::string session = text_of(environment, "AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = kDefaultSession;
  auto url = parse_http_url(sts_url(environment));
  if (!url) return wrap("the endpoint of STS", std::move(url).error());
  COFFERDAM_TRY(auto sts, client_options(*url, context.tls));
  return std::make_unique<WebIdentityProvider>(file, role, std::move(session), url->target,
                                               std::move(sts));
}

}  // namespace cofferdam::aws
