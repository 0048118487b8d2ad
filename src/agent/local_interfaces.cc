// SPDX-License-Identifier: Apache-2.0
#include "agent/local_interfaces.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "base/encoding.h"
#include "base/log.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxSmallBody = std::size_t{64} * 1024;
constexpr std::size_t kMaxStateBody = kMaxStateSize;
constexpr std::size_t kTokenSize = 32;

net::Endpoint loopback(std::uint16_t port) { return net::TcpAddress{"127.0.0.1", port}; }

std::string url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

PeerIdentifier::Options identification(const ProcessSpec& workload) {
  PeerIdentifier::Options out;
  out.root = workload.root;
  return out;
}

bool is_set(const std::vector<std::string>& env, std::string_view name) {
  return std::ranges::any_of(env, [&](const std::string& one) {
    return one.starts_with(name) && one.size() > name.size() && one[name.size()] == '=';
  });
}

void add(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  if (!is_set(env, name)) env.push_back(std::string(name) + "=" + std::string(value));
}

}  // namespace

LocalInterfaces::LocalInterfaces(Parts parts, WorkloadRoot root, const ProcessSpec& workload)
    : parts_(std::move(parts)),
      root_(std::move(root)),
      workload_(workload),
      identifier_(identification(workload)),
      api_({parts_.enclave, parts_.secrets, parts_.sealing, parts_.gate, parts_.clock,
            parts_.alive}),
      files_({parts_.enclave, parts_.secrets, parts_.gate, root_}) {}

Task<void> LocalInterfaces::open() {
  const auto executor = co_await boost::asio::this_coro::executor;
  COFFERDAM_CO_CHECK(open_socket(executor));
  COFFERDAM_CO_CHECK(open_kms(executor));
  COFFERDAM_CO_CHECK(open_secrets_agent(executor));
  COFFERDAM_CO_CHECK(open_credentials(executor));
  co_return co_await files_.deliver();
}

Status LocalInterfaces::listen(const boost::asio::any_io_executor& executor,
                               const net::Endpoint& endpoint, std::size_t max_body_size,
                               LocalHandler handler) {
  PeerIdentifier* const identifier = parts_.gate.asks() ? &identifier_ : nullptr;
  LocalServer& server =
      servers_.emplace_back(executor, identifier, max_body_size, std::move(handler));
  COFFERDAM_TRY(const net::Endpoint ready, server.listen(endpoint));
  log::info("serving the workload on " + net::to_string(ready));
  return {};
}

Status LocalInterfaces::open_socket(const boost::asio::any_io_executor& executor) {
  COFFERDAM_TRY(const std::string place, root_.place_for(parts_.enclave.config().workload_socket));
  LocalHandler handler = [this](net::HttpRequest request, Caller caller) {
    return api_.handle(std::move(request), std::move(caller));
  };
  COFFERDAM_CHECK(listen(executor, net::UnixAddress{place}, kMaxStateBody, std::move(handler)));
  return WorkloadRoot::hand_over(place, workload_);
}

Status LocalInterfaces::open_kms(const boost::asio::any_io_executor& executor) {
  const auto port = parts_.enclave.config().serve.kms;
  if (!port) return {};
  const LocalKms::Parts of_kms{parts_.enclave, parts_.secrets, parts_.gate};
  COFFERDAM_TRY(LocalKms kms, LocalKms::create(of_kms));
  kms_.emplace(std::move(kms));
  LocalHandler handler = [this](net::HttpRequest request, Caller caller) {
    return kms_->handle(std::move(request), std::move(caller));
  };
  return listen(executor, loopback(*port), kMaxSmallBody, std::move(handler));
}

Status LocalInterfaces::open_secrets_agent(const boost::asio::any_io_executor& executor) {
  const auto port = parts_.enclave.config().serve.secrets_agent;
  if (!port) return {};
  COFFERDAM_TRY(std::string token, make_token(kSecretsTokenPath));
  const SecretsAgent::Parts of_agent{parts_.enclave, parts_.secrets, parts_.gate};
  secrets_agent_.emplace(of_agent, std::move(token));
  LocalHandler handler = [this](net::HttpRequest request, Caller caller) {
    return secrets_agent_->handle(std::move(request), std::move(caller));
  };
  return listen(executor, loopback(*port), kMaxSmallBody, std::move(handler));
}

Status LocalInterfaces::open_credentials(const boost::asio::any_io_executor& executor) {
  const auto port = parts_.enclave.config().serve.credentials;
  if (!port) return {};
  COFFERDAM_TRY(std::string token, make_token(kCredentialsTokenPath));
  const CredentialsEndpoint::Parts of_endpoint{parts_.credentials, parts_.gate, parts_.clock};
  credentials_.emplace(of_endpoint, std::move(token));
  LocalHandler handler = [this](net::HttpRequest request, Caller caller) {
    return credentials_->handle(std::move(request), std::move(caller));
  };
  return listen(executor, loopback(*port), kMaxSmallBody, std::move(handler));
}

// A token keeps requests out that a program was tricked into: it is not a secret from
// whoever may read the file.
Result<std::string> LocalInterfaces::make_token(std::string_view path) {
  std::string token = to_hex(crypto::random_bytes(kTokenSize));
  FileSpec file;
  file.path = std::string(path);
  file.uid = workload_.uid;
  file.gid = workload_.gid;
  COFFERDAM_CHECK(replace_secret_file(root_, file, Secret::copy_of(as_bytes(token))));
  return token;
}

Task<void> LocalInterfaces::drain(std::chrono::milliseconds grace) {
  Status out;
  for (LocalServer& server : servers_) {
    const Status drained = co_await server.drain(grace);
    if (!drained) out = drained;
  }
  co_return out;
}

std::vector<std::string> add_interface_variables(std::vector<std::string> env,
                                                 const Config& config) {
  const ServeSpec& serve = config.serve;
  if (serve.kms || serve.credentials) {
    add(env, "AWS_REGION", config.region);
    add(env, "AWS_DEFAULT_REGION", config.region);
  }
  if (serve.kms) add(env, "AWS_ENDPOINT_URL_KMS", url(*serve.kms));
  if (serve.credentials) {
    add(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        url(*serve.credentials) + std::string(kCredentialsPath));
    add(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", kCredentialsTokenPath);
  } else if (serve.kms && !is_set(env, "AWS_ACCESS_KEY_ID")) {
    // SDKs send nothing without credentials, and this endpoint does not look at them.
    add(env, "AWS_ACCESS_KEY_ID", "unused");
    add(env, "AWS_SECRET_ACCESS_KEY", "unused");
  }
  return env;
}

}  // namespace cofferdam::agent
