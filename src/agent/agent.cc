// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "agent/boot.h"
#include "agent/enclave.h"
#include "agent/gate.h"
#include "agent/reason.h"
#include "agent/recipient_pool.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr int kRefused = 1;

std::string authority(const net::TcpAddress& server, bool always_with_port) {
  if (server.port == 443 && !always_with_port) return server.host;
  return server.host + ":" + std::to_string(server.port);
}

net::HttpClientOptions control_options(const Config& config) {
  net::HttpClientOptions out;
  out.endpoint = config.control;
  out.host = "parent";
  out.limits.max_body_size = kMaxStateSize;  // Of all it is asked for, the largest.
  out.request_timeout = std::chrono::seconds(10);
  return out;
}

// Through the parent's egress, which sees TLS records and nothing else.
Result<net::HttpClientOptions> tunnel_to(const net::TcpAddress& server, const std::string& roots,
                                         const MeasuredConfig& measured, const Clock& clock) {
  net::HttpClientOptions out;
  out.endpoint = measured.config.egress;
  out.tunnel = authority(server, /*always_with_port=*/true);
  auto tls = net::TlsClientContext::create(measured.text_of(roots), clock);
  if (!tls) return fail(Errc::invalid_input, reason::kConfigInvalid, tls.error().detail);
  out.tls = *std::move(tls);
  out.tls_name = server.host;
  out.host = authority(server, /*always_with_port=*/false);
  out.limits.max_body_size = std::size_t{64} * 1024;
  out.request_timeout = std::chrono::seconds(10);
  out.resend = false;  // An attestation document travels once; a retry brings a new one.
  return out;
}

Result<Enclave::Routes> routes(const MeasuredConfig& measured, const Clock& clock) {
  const Config& config = measured.config;
  Enclave::Routes out;
  const net::TcpAddress kms{.host = config.kms_host, .port = config.kms_port};
  COFFERDAM_TRY(out.kms, tunnel_to(kms, config.ca_roots, measured, clock));
  if (!config.identity) return out;
  const IdentitySpec& identity = *config.identity;
  COFFERDAM_TRY(out.broker, tunnel_to(identity.broker, identity.ca_roots, measured, clock));
  COFFERDAM_TRY(out.sts, tunnel_to(identity.sts, config.ca_roots, measured, clock));
  // They are asked once in many minutes, when a connection that was kept would be dead.
  out.broker->max_idle_connections = 0;
  out.sts->max_idle_connections = 0;
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

bool is_device(std::string_view where) { return where.starts_with("device:"); }

std::unexpected<Error> no_module(std::string_view where, const Error& error) {
  const std::string_view hint =
      is_device(where) ? "; a kernel without the driver needs nsm.ko in the image (--nsm-module)"
                       : "";
  return fail(Errc::unavailable, reason::kNsmUnavailable, error.detail + std::string(hint));
}

Result<Foundations> lay_foundations(const MeasuredConfig& measured) {
  Foundations out;
  auto root = trust_root(measured);
  if (!root) return fail(Errc::invalid_input, reason::kConfigInvalid, root.error().detail);
  out.verifier = std::make_unique<attest::Verifier>(*std::move(root));
  auto module = nsm::Client::open(measured.config.nsm_device);
  if (!module) return no_module(measured.config.nsm_device, module.error());
  out.module = *std::move(module);
  COFFERDAM_CHECK(seed_random(*out.module, is_device(measured.config.nsm_device)));
  return out;
}

// What the workload is likely to ask for at once: each kept secret once, others often.
std::size_t recipient_keys_wanted(const Config& config) {
  constexpr std::size_t kMost = 16;
  std::size_t out = 0;
  for (const SecretSpec& secret : config.secrets) out += secret.is_stable() ? 1 : 2;
  return std::clamp(out, RecipientPool::kDefaultSize, kMost);
}

// Tells the console about a failure that no boot step has reported.
int refuse(ledger::DecisionLog& console, const Error& error) {
  Status outcome = std::unexpected(error);
  if (error.reason.empty()) outcome.error().reason = reason::kServiceFailed;
  const Status shown = console.record(self_validation_decision(nullptr, Timestamp{}, outcome));
  if (!shown) log::error("refused: " + error.detail);
  return kRefused;
}

// What the image says, read before anything is sent.
struct Image {
  MeasuredConfig measured;
  ProcessSpec workload;
  std::optional<policy::RegoPolicy> policy;
};

Result<Image> read_image(const std::filesystem::path& root) {
  Image out;
  COFFERDAM_TRY(out.measured, load_config(root));
  COFFERDAM_TRY(out.workload, load_process_spec(root, out.measured.config));
  COFFERDAM_TRY(out.policy, compile_policy(out.measured));
  return out;
}

// `console` belongs to run_agent(), which waits for the task.
Task<int> live(Image image, Foundations foundations, ledger::DecisionLog* console) {
  // Fills while the boot goes on.
  RecipientPool recipients(recipient_keys_wanted(image.measured.config));
  EnclaveClock clock;
  SelfAttestor attestor(*foundations.module, *foundations.verifier, clock);
  COFFERDAM_CO_TRY(const Enclave::Routes ways, routes(image.measured, clock));
  ClientChannel control(control_options(image.measured.config));
  Parent parent(control, attestor, clock);
  const Boot::Parts boot_parts{*foundations.module, attestor, clock, parent, *console};
  Boot boot(boot_parts);
  auto enclave = co_await boot.run(std::move(image.measured));
  if (!enclave) co_return kRefused;  // Boot has said why.

  const Enclave::Parts parts{attestor, *foundations.verifier, recipients, clock, parent, *console};
  Enclave service(parts, *std::move(enclave), std::move(image.policy), ways);
  co_return co_await service.serve(std::move(image.workload));
}

}  // namespace

int run_agent(const std::filesystem::path& root, ledger::DecisionLog& console) {
  auto image = read_image(root);
  if (!image) {
    return refuse(console, {.code = image.error().code,
                            .detail = image.error().detail,
                            .reason = reason::kConfigInvalid});
  }
  auto foundations = lay_foundations(image->measured);
  if (!foundations) return refuse(console, foundations.error());

  asio::io_context loop(1);
  int status = kRefused;
  const auto done = [&](const std::exception_ptr& bug, Result<int> outcome) {
    if (bug) std::rethrow_exception(bug);
    status = outcome ? *outcome : refuse(console, outcome.error());
    loop.stop();
  };
  asio::co_spawn(loop, live(*std::move(image), *std::move(foundations), &console), done);
  loop.run();
  return status;
}

}  // namespace cofferdam::agent
