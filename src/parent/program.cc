// SPDX-License-Identifier: Apache-2.0
#include "parent/program.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>

#include "aws/credential_provider.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "parent/parent.h"
#include "parent/service_manager.h"
#include "parent/settings.h"

namespace cofferdam::parent {
namespace {

namespace asio = boost::asio;

constexpr int kUsage = 2;
constexpr int kEnvironment = 3;
constexpr std::size_t kMaxRoots = std::size_t{4} * 1024 * 1024;

constexpr std::string_view kFooter = R"(
Endpoints are vsock:CID:PORT, unix:PATH or tcp:HOST:PORT. Credentials that are found by themselves
("auto") come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, a web identity
(EKS IRSA), a container endpoint (EKS Pod Identity, ECS) or the instance metadata service (IMDSv2),
in this order. A port 443 is TLS and has to name its host; other destinations are marked ",tls".

The file of --config is TOML with the same names (docs/parent.md). SIGHUP reads it again: the
destinations, offers, manifest and peers change, and connections stand. SIGTERM drains and ends.

Examples:
  $ cofferdam-parent --control vsock:4294967295:9001 --egress vsock:4294967295:9002 \
      --allow kms.us-east-1.amazonaws.com:443 --peer-cid 16 --release-manifest release.manifest \
      --offer database-password=offer.json --ledger ledger.jsonl --metrics tcp:127.0.0.1:9464
  $ cofferdam-parent --config /etc/cofferdam/parent.toml
  $ cofferdam-parent ... --allow db.example:5432,any,connections=32 \
      --ingress tcp:0.0.0.0:8443=vsock:16:8443,proxy
)";

struct Flags {
  Arguments arguments;
  std::vector<std::uint32_t> peer_cids;
  std::vector<std::uint32_t> peer_uids;
  bool verbose = false;
};

void describe_endpoints(CLI::App& app, Flags& flags) {
  Arguments& to = flags.arguments;
  app.add_option("--config", to.config, "Settings in TOML, read again at SIGHUP")
      ->type_name("FILE");
  app.add_option("--control", to.control, "Where the enclave asks for things")
      ->type_name("ENDPOINT");
  app.add_option("--egress", to.egress, "Where the enclave asks for connections")
      ->type_name("ENDPOINT");
  app.add_option("--metrics", to.metrics, "Where operators ask: /metrics, /healthz, /readyz")
      ->type_name("ENDPOINT");
  app.add_option("--allow", to.allow,
                 "A destination it may reach, and where that leads; may be repeated")
      ->type_name("HOST:PORT[=HOST:PORT][,tls|,any][,connections=N]");
  app.add_option("--ingress", to.ingress, "A way in for clients; may be repeated")
      ->type_name("LISTEN=TARGET[,proxy][,connections=N]");
  app.add_option("--peer-cid", flags.peer_cids, "Serve this enclave only; may be repeated")
      ->type_name("CID");
  app.add_option("--peer-uid", flags.peer_uids,
                 "Serve this user only, over Unix sockets; may be repeated")
      ->type_name("UID");
}

void describe_files(CLI::App& app, Flags& flags) {
  Arguments& to = flags.arguments;
  app.add_option("--release-manifest", to.release_manifest, "Signed by the release key")
      ->type_name("FILE");
  app.add_option("--offer", to.offers, "Ciphertext of a secret (JSON); may be repeated")
      ->type_name("NAME=FILE");
  app.add_option("--credentials", to.credentials, "AWS credentials: auto, none, or JSON in a file")
      ->type_name("auto|none|FILE");
  app.add_option("--ledger", to.ledger, "Append the enclave's signed ledger here")
      ->type_name("FILE");
  app.add_option("--ledger-forward", to.ledger_forward, "And POST its lines here")
      ->type_name("URL");
  app.add_option("--ledger-forward-ca", to.ledger_forward_ca,
                 "Whom to believe there (PEM); default: the roots of this machine")
      ->type_name("FILE");
  app.add_option("--state", to.state, "Keep the enclave's sealed state here")->type_name("FOLDER");
}

void describe_limits(CLI::App& app, Flags& flags) {
  Arguments& to = flags.arguments;
  app.add_option("--drain", to.drain_seconds, "Wait for open connections when stopping; default 10")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, 3600U));
  app.add_option("--idle-timeout", to.idle_seconds,
                 "Close tunnels without a byte for so long; default 600")
      ->type_name("SECONDS")
      ->check(CLI::Range(1U, 86400U));
  app.add_option("--connect-timeout", to.connect_seconds, "To reach a destination; default 10")
      ->type_name("SECONDS")
      ->check(CLI::Range(1U, 86400U));
  app.add_option("--connections", to.connections, "Tunnels at a time; default 8192")
      ->type_name("N")
      ->check(CLI::Range(1U, 65536U));
  app.add_flag("--verbose", flags.verbose, "Log every connection");
}

void describe(CLI::App& app, Flags& flags) {
  app.description(
      "Serve one enclave from outside: a way out to listed destinations, a way in for clients, "
      "and\n"
      "opaque things handed over. The enclave trusts none of it.");
  app.footer(std::string(kFooter));
  describe_endpoints(app, flags);
  describe_files(app, flags);
  describe_limits(app, flags);
}

int complain(const Error& error) {
  std::cerr << "cofferdam-parent: error: " << error.detail << '\n';
  return error.code == Errc::invalid_input ? kUsage : kEnvironment;
}

void print_ready(const net::Endpoint& control, const net::Endpoint& egress) {
  const json::object line{
      {"ready", true}, {"control", net::to_string(control)}, {"egress", net::to_string(egress)}};
  std::cout << json::serialize(line) << '\n' << std::flush;
}

// Each tunnel takes two descriptors: as many as the system lets this user have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The roots of this machine: what a parent says is untrusted by the enclave anyway.
std::shared_ptr<const net::TlsClientContext> machine_roots(const Clock& clock) {
  constexpr std::array kVariables{"AWS_CA_BUNDLE", "SSL_CERT_FILE"};
  std::vector<std::string> files;
  for (const char* const name : kVariables) {
    if (const char* const value = std::getenv(name)) files.emplace_back(value);
  }
  files.insert(files.end(),
               {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"});
  for (const std::string& file : files) {
    const auto pem = read_text_file(file, kMaxRoots);
    if (!pem) continue;
    auto context = net::TlsClientContext::create(*pem, clock);
    if (context) return *std::move(context);
    log::warning(file + ": " + context.error().detail);
  }
  return nullptr;
}

Result<std::optional<CredentialSource>> find_credentials(const Settings& settings,
                                                         asio::any_io_executor executor,
                                                         const Clock& clock) {
  if (settings.credentials == CredentialChoice::none) return std::nullopt;
  if (settings.credentials == CredentialChoice::file) {
    return CredentialSource::file(settings.credential_file);
  }
  aws::ProviderContext context{.environment = [](const char* name) { return std::getenv(name); },
                               .tls = machine_roots(clock)};
  auto provider = aws::choose_provider(std::move(context));
  if (!provider && provider.error().code == Errc::not_found) return std::nullopt;
  if (!provider) return wrap("AWS credentials", std::move(provider).error());
  auto cache = std::make_shared<aws::CredentialCache>(std::move(executor), *std::move(provider),
                                                      clock, aws::CacheOptions());
  log::info("credentials come from " + std::string(cache->provider_name()));
  return CredentialSource::refreshed(std::move(cache));
}

Result<std::optional<ForwardOptions>> find_receiver(const Settings& settings, const Clock& clock) {
  if (!settings.ledger_receiver) return std::nullopt;
  std::shared_ptr<const net::TlsClientContext> tls;
  if (!settings.ledger_receiver_ca.empty()) {
    COFFERDAM_TRY(const std::string pem, read_text_file(settings.ledger_receiver_ca, kMaxRoots));
    COFFERDAM_TRY(tls, net::TlsClientContext::create(pem, clock));
  } else if (settings.ledger_receiver->tls) {
    tls = machine_roots(clock);
  }
  ForwardOptions out;
  out.ledger = *settings.options.ledger;
  COFFERDAM_TRY(out.receiver, aws::client_options(*settings.ledger_receiver, std::move(tls)));
  out.receiver.max_idle_connections = 1;
  out.target = settings.ledger_receiver->target;
  return out;
}

// One run of the program, from the first socket to the end of the drain.
class Run {
 public:
  Run(const Flags& flags, Settings settings, ServiceManager& manager)
      : arguments_(flags.arguments), settings_(std::move(settings)), manager_(manager) {}

  Status serve() {
    COFFERDAM_TRY(settings_.options.credentials,
                  find_credentials(settings_, io_.get_executor(), clock_));
    COFFERDAM_TRY(auto forward, find_receiver(settings_, clock_));
    COFFERDAM_TRY(auto service, ControlService::open(std::move(settings_.options), clock_));
    parent_.emplace(io_.get_executor(), std::move(settings_.allowed), settings_.egress_options,
                    std::move(service));
    parent_->set_peers(settings_.peers);
    COFFERDAM_CHECK(listen());
    if (forward) parent_->forward_ledger(*std::move(forward));
    stop_on_signal();
    reload_on_signal();
    tell_watchdog();
    io_.run();
    return {};
  }

 private:
  Result<net::Listener> open(const net::Endpoint& endpoint) {
    UniqueFd inherited = manager_.take_socket(endpoint);
    if (!inherited.valid()) return net::Listener::open(io_.get_executor(), endpoint);
    return net::Listener::adopt(io_.get_executor(), std::move(inherited), endpoint);
  }

  Status listen() {
    COFFERDAM_TRY(auto control, open(settings_.control));
    COFFERDAM_TRY(auto egress, open(settings_.egress));
    for (const IngressRule& rule : settings_.doors) {
      COFFERDAM_TRY(auto door, open(rule.listen));
      const auto at = parent_->open_door(rule, settings_.ingress_options, std::move(door));
      log::info("ingress: " + net::to_string(at) + " leads to " + net::to_string(rule.target));
    }
    if (settings_.metrics) {
      COFFERDAM_TRY(auto metrics, open(*settings_.metrics));
      log::info("metrics: " + net::to_string(parent_->listen_metrics(std::move(metrics))));
    }
    const auto control_at = parent_->listen_control(std::move(control));
    const auto egress_at = parent_->listen_egress(std::move(egress));
    print_ready(control_at, egress_at);
    notify("READY=1");
    return {};
  }

  void notify(std::string_view state) {
    const Status told = manager_.notify(state);
    if (!told) log::warning(told.error().detail);
  }

  // The first signal drains, a second one ends at once.
  void stop_on_signal() {
    stop_signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      log::info("stopping");
      notify("STOPPING=1");
      stop_signals_.async_wait([this](const boost::system::error_code& again, int) {
        if (!again) io_.stop();
      });
      asio::co_spawn(io_, parent_->drain(settings_.grace),
                     [this](const std::exception_ptr&, const Status& status) {
                       if (!status) log::warning(status.error().detail);
                       io_.stop();
                     });
    });
  }

  void reload_on_signal() {
    reload_signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
      notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
      reload();
      notify("READY=1");
      reload_on_signal();
    });
  }

  void reload() {
    auto settings = settings_of(arguments_);
    if (!settings) {
      parent_->note_failed_reload();
      log::error("reload: the settings of before stay in force: " + settings.error().detail);
      return;
    }
    if (settings->fixed != settings_.fixed) {
      log::warning("reload: endpoints, limits and files to write to change at the next start");
    }
    parent_->reload(std::move(settings->allowed), std::move(settings->options),
                    std::move(settings->peers));
    log::info("reload: new settings are in force");
  }

  // Comes from the event loop, so a loop that hangs is silent and is started anew.
  void tell_watchdog() {
    const auto interval = manager_.watchdog_interval();
    if (!interval) return;
    notify("WATCHDOG=1");
    watchdog_.expires_after(*interval);
    watchdog_.async_wait([this](const boost::system::error_code& error) {
      if (!error) tell_watchdog();
    });
  }

  const Arguments& arguments_;
  Settings settings_;
  ServiceManager& manager_;
  const SystemClock clock_;
  asio::io_context io_{1};
  asio::signal_set stop_signals_{io_, SIGTERM, SIGINT};
  asio::signal_set reload_signals_{io_, SIGHUP};
  asio::steady_timer watchdog_{io_};
  std::optional<Parent> parent_;
};

void add_peers(Flags& flags) {
  for (const auto cid : flags.peer_cids) {
    flags.arguments.peers.push_back("cid:" + std::to_string(cid));
  }
  for (const auto uid : flags.peer_uids) {
    flags.arguments.peers.push_back("uid:" + std::to_string(uid));
  }
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  harden_process();
  raise_descriptor_limit();
  Flags flags;
  CLI::App app;
  describe(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << "cofferdam-parent: error: " << error.what() << '\n'
              << "cofferdam-parent: hint: see cofferdam-parent --help\n";
    return kUsage;
  }
  log::start("cofferdam-parent", flags.verbose ? log::Level::debug : log::Level::info);
  add_peers(flags);
  ServiceManager manager([](const char* name) { return std::getenv(name); });
  auto settings = settings_of(flags.arguments);
  if (!settings) return complain(settings.error());
  Run run(flags, *std::move(settings), manager);
  const Status served = run.serve();
  return served ? 0 : complain(served.error());
}

}  // namespace cofferdam::parent
