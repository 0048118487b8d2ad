// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <filesystem>
#include <optional>

#include "aws/credential_provider.h"
#include "aws/http_url.h"
#include "base/file.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxToken = std::size_t{16} * 1024;
constexpr std::string_view kEcs = "http://169.254.170.2";
// Where http is enough: this machine, and the link-local addresses of ECS and EKS.
constexpr std::array<std::string_view, 3> kTrusted{"169.254.170.2", "169.254.170.23",
                                                   "fd00:ec2::23"};

std::string text_of(const Environment& environment, const char* name) {
  const char* const value = environment(name);
  return value == nullptr ? "" : value;
}

bool may_go_without_tls(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return host == "localhost";
  return address.is_loopback() || std::ranges::find(kTrusted, host) != kTrusted.end();
}

// The agent of EKS Pod Identity, or of ECS.
class ContainerProvider final : public CredentialProvider {
 public:
  ContainerProvider(HttpUrl url, net::HttpClientOptions endpoint, std::string token_file,
                    std::string token)
      : url_(std::move(url)),
        endpoint_(std::move(endpoint)),
        token_file_(std::move(token_file)),
        token_(Secret::copy_of(as_bytes(token))) {}

  std::string_view name() const override { return "the container credentials endpoint"; }

  Task<IssuedCredentials> fetch() override {
    COFFERDAM_CO_TRY(net::HttpRequest request, make_request());
    net::HttpClient client(endpoint_);
    COFFERDAM_CO_TRY(auto response, co_await client.send(std::move(request)));
    if (response.status >= 400 && response.status < 500) {
      co_return fail(Errc::denied, "the endpoint refused (status " +
                                       std::to_string(response.status) +
                                       "): check the pod identity association or the task role");
    }
    if (response.status != 200) {
      co_return fail(Errc::unavailable, "the endpoint answered " + std::to_string(response.status));
    }
    auto issued = parse_issued_credentials(response.body);
    wipe(response.body);
    co_return issued;
  }

 private:
  Result<net::HttpRequest> make_request() const {
    net::HttpRequest request;
    request.method = "GET";
    request.target = url_.target;
    Secret token = token_.clone();
    if (!token_file_.empty()) {
      COFFERDAM_TRY(token, read_secret_file(token_file_, kMaxToken));
    }
    const std::string_view text = as_text(token.reveal());
    const std::string_view line = text.substr(0, text.find_last_not_of("\r\n") + 1);
    if (line.find_first_of("\r\n") != std::string_view::npos) {
      return fail(Errc::invalid_input, "the authorization token has more than one line");
    }
    if (!line.empty()) request.headers.emplace_back("Authorization", line);
    return request;
  }

  HttpUrl url_;
  net::HttpClientOptions endpoint_;
  std::string token_file_;
  Secret token_;
};

}  // namespace

Result<std::unique_ptr<CredentialProvider>> container_provider(const ProviderContext& context) {
  const Environment& environment = context.environment;
  const std::string relative = text_of(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = text_of(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  auto url = parse_http_url(relative.empty() ? full : std::string(kEcs) + relative);
  if (!url) return wrap("AWS_CONTAINER_CREDENTIALS_…_URI", std::move(url).error());
  if (!url->tls && !may_go_without_tls(url->host)) {
    return fail(Errc::invalid_input,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI without https has to lead to this machine or "
                "to 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
  }
  COFFERDAM_TRY(auto endpoint, client_options(*url, context.tls));
  return std::make_unique<ContainerProvider>(
      *std::move(url), std::move(endpoint),
      text_of(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
      text_of(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
}

}  // namespace cofferdam::aws
