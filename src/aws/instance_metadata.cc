// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "aws/credential_provider.h"
#include "aws/http_url.h"

namespace cofferdam::aws {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kService = "http://169.254.169.254";
constexpr std::string_view kServiceIpv6 = "http://[fd00:ec2::254]";
constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";
constexpr std::string_view kTokenSeconds = "300";  // More than one fetch takes.
constexpr milliseconds kConnectTimeout{2'000};
constexpr milliseconds kRequestTimeout{5'000};
constexpr std::size_t kMaxToken = 1024;
constexpr std::size_t kMaxRole = 64;

std::string text_of(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value == nullptr ? "" : value;
}

std::string service_url(const Environment& environment) {
  std::string url = text_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty()) return url;
  const bool ipv6 = text_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == "IPv6";
  return std::string(ipv6 ? kServiceIpv6 : kService);
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// Names of roles (IAM, CreateRole): nothing that would mean something in a path.
bool is_role(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRole && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@-_").find(c) != std::string_view::npos;
  });
}

class InstanceMetadataProvider final : public CredentialProvider {
 public:
  explicit InstanceMetadataProvider(net::HttpClientOptions service)
      : service_(std::move(service)) {}

  std::string_view name() const override { return "the instance metadata service"; }

  Task<IssuedCredentials> fetch() override {
    net::HttpClient client(service_);
    COFFERDAM_CO_TRY(const std::string token, co_await fetch_token(client));
    COFFERDAM_CO_TRY(const std::string role, co_await fetch_role(client, token));
    COFFERDAM_CO_TRY(auto response, co_await get(client, token, std::string(kRoles) + role));
    auto issued = parse_issued_credentials(response.body);
    wipe(response.body);
    co_return issued;
  }

 private:
  static Task<std::string> fetch_token(net::HttpClient& client) {
    net::HttpRequest request;
    request.method = "PUT";
    request.target = "/latest/api/token";
    request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", std::string(kTokenSeconds)}};
    auto response = co_await client.send(std::move(request));
    if (!response) {
      co_return fail(
          response.error().code,
          response.error().detail + "; in a container the hop limit of the instance has to be 2");
    }
    const std::string token(as_text(response->body));
    if (response->status != 200 || !is_token(token)) {
      co_return fail(Errc::unavailable,
                     "no session token (status " + std::to_string(response->status) + ")");
    }
    co_return token;
  }

  static Task<std::string> fetch_role(net::HttpClient& client, std::string token) {
    COFFERDAM_CO_TRY(const auto response,
                     co_await get(client, std::move(token), std::string(kRoles)));
    const std::string_view list = as_text(response.body);
    const std::string role(list.substr(0, list.find_first_of("\r\n")));
    if (!is_role(role)) {
      co_return fail(Errc::invalid_input, "the name of the instance's role cannot be one");
    }
    co_return role;
  }

  static Task<net::HttpResponse> get(net::HttpClient& client, std::string token,
                                     std::string target) {
    net::HttpRequest request;
    request.method = "GET";
    request.target = std::move(target);
    request.headers = {{"X-aws-ec2-metadata-token", std::move(token)}};
    COFFERDAM_CO_TRY(auto response, co_await client.send(std::move(request)));
    if (response.status == 404) {
      co_return fail(Errc::denied, "the instance has no role: attach an instance profile");
    }
    if (response.status != 200) {
      co_return fail(Errc::unavailable, "it answered " + std::to_string(response.status));
    }
    co_return response;
  }

  net::HttpClientOptions service_;
};

}  // namespace

Result<std::unique_ptr<CredentialProvider>> instance_metadata_provider(
    const ProviderContext& context) {
  auto url = parse_http_url(service_url(context.environment));
  if (!url) return wrap("AWS_EC2_METADATA_SERVICE_ENDPOINT", std::move(url).error());
  COFFERDAM_TRY(auto service, client_options(*url, context.tls));
  service.connect_timeout = kConnectTimeout;
  service.request_timeout = kRequestTimeout;
  service.max_idle_connections = 1;
  return std::make_unique<InstanceMetadataProvider>(std::move(service));
}

}  // namespace cofferdam::aws
