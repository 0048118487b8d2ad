// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "agent/boot.h"
#include "agent/kms_client.h"
#include "agent/reason.h"
#include "agent/recipient_pool.h"
#include "agent/secret_service.h"
#include "agent/supervisor.h"
#include "agent/workload_api.h"
#include "base/log.h"
#include "net/http_server.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr int kRefused = 1;
constexpr std::chrono::seconds kDrainTime{2};

std::string kms_authority(const Config& config, bool always_with_port) {
  if (config.kms_port == 443 && !always_with_port) return config.kms_host;
  return config.kms_host + ":" + std::to_string(config.kms_port);
}

net::HttpClientOptions control_options(const Config& config) {
  net::HttpClientOptions out;
  out.endpoint = config.control;
  out.host = "parent";
  out.limits.max_body_size = std::size_t{64} * 1024;
  out.request_timeout = std::chrono::seconds(10);
  return out;
}

// Through the parent's egress, which sees TLS records and nothing else.
Result<net::HttpClientOptions> kms_options(const MeasuredConfig& measured, const Clock& clock) {
  const Config& config = measured.config;
  net::HttpClientOptions out;
  out.endpoint = config.egress;
  out.tunnel = kms_authority(config, /*always_with_port=*/true);
  auto tls = net::TlsClientContext::create(measured.text_of(config.ca_roots), clock);
  if (!tls) return fail(Errc::invalid_input, reason::kConfigInvalid, tls.error().detail);
  out.tls = *std::move(tls);
  out.tls_name = config.kms_host;
  out.host = kms_authority(config, /*always_with_port=*/false);
  out.limits.max_body_size = std::size_t{64} * 1024;
  out.request_timeout = std::chrono::seconds(10);
  out.resend = false;  // An attestation document travels once; a retry brings a new one.
  return out;
}

Result<attest::TrustRoot> trust_root(const MeasuredConfig& measured) {
  if (!measured.config.trust_root) return attest::TrustRoot::aws();
  return attest::TrustRoot::from_pem(measured.text_of(*measured.config.trust_root));
}

// What needs nothing from outside the enclave; made before the first byte is sent.
struct Foundations {
  std::unique_ptr<nsm::Client> module;
  std::unique_ptr<attest::Verifier> verifier;
};

Result<Foundations> lay_foundations(const MeasuredConfig& measured) {
  Foundations out;
  auto root = trust_root(measured);
  if (!root) return fail(Errc::invalid_input, reason::kConfigInvalid, root.error().detail);
  out.verifier = std::make_unique<attest::Verifier>(*std::move(root));
  auto module = nsm::Client::open(measured.config.nsm_device);
  if (!module) return fail(Errc::unavailable, reason::kNsmUnavailable, module.error().detail);
  out.module = *std::move(module);
  COFFERDAM_CHECK(seed_random(*out.module));
  return out;
}

// The service of a validated enclave, from the heartbeat to the workload's end.
class Enclave {
 public:
  struct Parts {
    SelfAttestor& attestor;
    RecipientPool& recipients;
    EnclaveClock& clock;
    Parent& parent;
    ledger::DecisionLog& console;
  };
  Enclave(Parts parts, ValidatedEnclave enclave, net::HttpClientOptions kms)
      : parts_(parts),
        enclave_(std::move(enclave)),
        channel_(std::move(kms)),
        kms_(channel_, parts.clock,
             {enclave_.config().region, kms_authority(enclave_.config(), false)}),
        secrets_({enclave_, parts.attestor, parts.recipients, parts.parent, kms_, parts.clock,
                  parts.console}),
        api_(enclave_, secrets_, parts.clock) {}

  Task<int> serve() {
    COFFERDAM_CO_CHECK(co_await announce());
    net::HttpHandler handler = [this](net::HttpRequest request) {
      return api_.handle(std::move(request));
    };
    net::HttpServerOptions options;
    options.limits.max_body_size = std::size_t{64} * 1024;
    net::HttpServer server(co_await asio::this_coro::executor, options, std::move(handler));
    const net::Endpoint socket = net::UnixAddress{enclave_.config().workload_socket};
    COFFERDAM_CO_CHECK(prepare_socket_folder());
    COFFERDAM_CO_TRY(const net::Endpoint ready, server.listen(socket));
    log::info("release " + std::to_string(enclave_.manifest().release) + " of " +
              enclave_.config().name + " is validated; serving on " + net::to_string(ready));
    Supervisor supervisor(enclave_.config().command);
    auto status = co_await supervisor.run(environment());
    const Status drained = co_await server.drain(kDrainTime);
    if (!drained) log::warning("some answers were cut off: " + drained.error().detail);
    co_return status;
  }

 private:
  Task<void> announce() {
    const ledger::Decision decision =
        self_validation_decision(&enclave_.evidence(), parts_.clock.now(), Status());
    COFFERDAM_CO_CHECK(parts_.console.record(decision));
    COFFERDAM_CO_CHECK(co_await parts_.parent.record(enclave_, decision));
    co_return co_await parts_.parent.heartbeat(enclave_);
  }

  Status prepare_socket_folder() const {
    const std::filesystem::path path = enclave_.config().workload_socket;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return fail(Errc::unavailable,
                  "cannot make " + path.parent_path().string() + ": " + error.message());
    }
    return {};
  }

  std::vector<std::string> environment() const {
    return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/",
            "COFFERDAM_SOCKET=" + enclave_.config().workload_socket};
  }

  Parts parts_;
  ValidatedEnclave enclave_;
  ClientChannel channel_;
  KmsClient kms_;
  SecretService secrets_;
  WorkloadApi api_;
};

// Tells the console about a failure that no boot step has reported.
int refuse(ledger::DecisionLog& console, const Error& error) {
  Status outcome = std::unexpected(error);
  if (error.reason.empty()) outcome.error().reason = reason::kServiceFailed;
  const Status shown = console.record(self_validation_decision(nullptr, Timestamp{}, outcome));
  if (!shown) log::error("refused: " + error.detail);
  return kRefused;
}

// `console` belongs to run_agent(), which waits for the task.
Task<int> live(MeasuredConfig measured, Foundations foundations, ledger::DecisionLog* console) {
  RecipientPool recipients;  // Fills while the boot goes on.
  EnclaveClock clock;
  SelfAttestor attestor(*foundations.module, *foundations.verifier, clock);
  COFFERDAM_CO_TRY(net::HttpClientOptions kms, kms_options(measured, clock));
  ClientChannel control(control_options(measured.config));
  Parent parent(control);
  const Boot::Parts boot_parts{*foundations.module, attestor, clock, parent, *console};
  Boot boot(boot_parts);
  auto enclave = co_await boot.run(std::move(measured));
  if (!enclave) co_return kRefused;  // Boot has said why.

  const Enclave::Parts parts{attestor, recipients, clock, parent, *console};
  Enclave service(parts, *std::move(enclave), std::move(kms));
  co_return co_await service.serve();
}

}  // namespace

int run_agent(const std::filesystem::path& root, ledger::DecisionLog& console) {
  auto measured = load_config(root);
  if (!measured) {
    return refuse(console, {.code = measured.error().code,
                            .detail = measured.error().detail,
                            .reason = reason::kConfigInvalid});
  }
  auto foundations = lay_foundations(*measured);
  if (!foundations) return refuse(console, foundations.error());

  asio::io_context loop(1);
  int status = kRefused;
  const auto done = [&](const std::exception_ptr& bug, Result<int> outcome) {
    if (bug) std::rethrow_exception(bug);
    status = outcome ? *outcome : refuse(console, outcome.error());
    loop.stop();
  };
  asio::co_spawn(loop, live(*std::move(measured), *std::move(foundations), &console), done);
  loop.run();
  return status;
}

}  // namespace cofferdam::agent
