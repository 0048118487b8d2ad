// SPDX-License-Identifier: Apache-2.0
#include "broker/program.h"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>

#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "broker/http_service.h"
#include "broker/settings.h"
#include "net/http_server.h"

namespace cofferdam::broker {
namespace {

namespace asio = boost::asio;

constexpr int kUsage = 2;
constexpr int kEnvironment = 3;
constexpr std::size_t kMaxPem = std::size_t{64} * 1024;
constexpr std::chrono::seconds kGrace{10};
constexpr std::chrono::seconds kTick{1};

constexpr std::string_view kFooter = R"(
Endpoints are tcp:HOST:PORT, unix:PATH or vsock:CID:PORT. The file of --config is TOML with the
same names (docs/identity.md). SIGHUP reads it again, with the release manifests and the policy; a
broken one changes nothing. SIGUSR1 announces new signing keys. SIGTERM drains and ends.

Examples:
  $ cofferdam-broker --issuer https://broker.example.com --listen tcp:0.0.0.0:443 \
      --tls-cert broker.pem --tls-key broker.key --data /var/lib/cofferdam-broker \
      --release-manifest signer.manifest --audience sts.amazonaws.com \
      --policy identity.rego --policy-data identity.json --metrics tcp:127.0.0.1:9465
  $ cofferdam-broker --config /etc/cofferdam/broker.toml
  $ cofferdam-broker --issuer http://127.0.0.1:8700 --listen tcp:127.0.0.1:8700 --data ./broker \
      --root root.pem --unknown-releases policy --policy identity.rego --policy-data identity.json \
      --audience sts.amazonaws.com
)";

void describe_service(CLI::App& app, Arguments& to) {
  app.add_option("--config", to.config, "Settings in TOML, read again at SIGHUP")
      ->type_name("FILE");
  app.add_option("--issuer", to.issuer, "URL that verifiers find the broker at: \"iss\" of tokens")
      ->type_name("URL");
  app.add_option("--listen", to.listen, "Where to serve")->type_name("ENDPOINT");
  app.add_option("--tls-cert", to.tls_cert, "PEM chain; without it plain HTTP, behind a proxy")
      ->type_name("FILE");
  app.add_option("--tls-key", to.tls_key, "PEM key of the certificate")->type_name("FILE");
  app.add_option("--metrics", to.metrics, "Where operators ask: /metrics, /healthz, /readyz")
      ->type_name("ENDPOINT");
  app.add_option("--data", to.data, "Signing keys and decisions")->type_name("FOLDER");
  app.add_option("--decision-log", to.decision_log,
                 "Append decisions here; default decisions.jsonl in the data folder")
      ->type_name("FILE");
}

void describe_decisions(CLI::App& app, Arguments& to) {
  app.add_option("--root", to.root, "Root of attestation documents; default AWS's")
      ->type_name("PEM");
  app.add_option("--release-manifest", to.release_manifests,
                 "A release that may have tokens; may be repeated")
      ->type_name("FILE");
  app.add_option("--unknown-releases", to.unknown_releases,
                 "Measurements that no manifest names: denied, or left to the policy")
      ->type_name("deny|policy");
  app.add_option("--policy", to.policies, "Rego with data.cofferdam.identity; may be repeated")
      ->type_name("FILE");
  app.add_option("--policy-data", to.policy_data, "JSON of data.config")->type_name("FILE");
  app.add_option("--audience", to.audiences, "Whom tokens may be for; may be repeated")
      ->type_name("NAME");
  app.add_option("--token-lifetime", to.token_lifetime, "60s to 15m; default 15m")
      ->type_name("TIME");
  app.add_option("--key-period", to.key_period, "How long a key signs; default 30d")
      ->type_name("TIME");
  app.add_option("--key-ahead", to.key_ahead, "How long it is published before; default 2h")
      ->type_name("TIME");
}

int complain(const Error& error) {
  std::cerr << "cofferdam-broker: error: " << error.detail << '\n';
  return error.code == Errc::invalid_input ? kUsage : kEnvironment;
}

Result<std::shared_ptr<const net::TlsServerContext>> tls_of(const Settings& settings) {
  if (settings.tls_cert.empty()) return nullptr;
  COFFERDAM_TRY(const std::string chain, read_text_file(settings.tls_cert, kMaxPem));
  COFFERDAM_TRY(const Secret key, read_secret_file(settings.tls_key, kMaxPem));
  auto context = net::TlsServerContext::create(chain, key);
  if (!context) return wrap(settings.tls_cert.string(), std::move(context).error());
  return context;
}

// One run of the program, from the first socket to the end of the drain.
class Run {
 public:
  Run(const Arguments& arguments, const Clock& clock) : arguments_(arguments), clock_(clock) {}

  Status serve(Settings settings) {
    COFFERDAM_CHECK(open(std::move(settings)));
    stop_on_signal();
    reload_on_signal();
    rotate_on_signal();
    keep_keys();
    io_.run();
    return {};
  }

 private:
  Status open(Settings settings) {
    fixed_ = settings.fixed;
    COFFERDAM_TRY(auto policy, policy::RegoPolicy::compile(std::move(settings.modules),
                                                           std::move(settings.policy_data)));
    policy_.emplace(std::move(policy));
    verifier_.emplace(std::move(settings.root));
    COFFERDAM_CHECK(make_private_folder(settings.data));
    COFFERDAM_TRY(auto keys,
                  SigningKeys::open(settings.data / "keys", settings.schedule, clock_.now()));
    keys_.emplace(std::move(keys));
    COFFERDAM_TRY(decisions_, ledger::open_decision_log(settings.decision_log));
    tokens_.emplace(std::move(settings.tokens), *verifier_, *keys_, *policy_, *decisions_, clock_);
    return listen(settings);
  }

  Status listen(const Settings& settings) {
    COFFERDAM_TRY(const auto tls, tls_of(settings));
    service_.emplace(*tokens_, *keys_, metrics_, /*tls_only=*/tls != nullptr);
    net::HttpServerOptions options;
    options.limits.max_body_size = kMaxRequestSize;
    options.tls = tls;
    server_.emplace(io_.get_executor(), options, [this](net::HttpRequest request) {
      return service_->handle(std::move(request));
    });
    COFFERDAM_TRY(const auto at, server_->listen(settings.listen));
    json::object ready{
        {"ready", true}, {"issuer", tokens_->issuer()}, {"listen", net::to_string(at)}};
    if (settings.metrics) {
      metrics_server_.emplace(io_.get_executor(), net::HttpServerOptions(),
                              [this](net::HttpRequest request) {
                                return service_->handle_metrics(std::move(request));
                              });
      COFFERDAM_TRY(const auto metrics_at, metrics_server_->listen(*settings.metrics));
      ready["metrics"] = net::to_string(metrics_at);
    }
    std::cout << json::serialize(ready) << '\n' << std::flush;
    return {};
  }

  // The first signal drains, a second one ends at once.
  void stop_on_signal() {
    stop_signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      log::info("stopping");
      stop_signals_.async_wait([this](const boost::system::error_code& again, int) {
        if (!again) io_.stop();
      });
      asio::co_spawn(io_, server_->drain(kGrace),
                     [this](const std::exception_ptr&, const Status& status) {
                       if (!status) log::warning(status.error().detail);
                       io_.stop();
                     });
    });
  }

  void reload_on_signal() {
    reload_signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      const Status done = reload();
      metrics_.reloaded(done.has_value());
      if (done) {
        log::info("reload: new settings are in force");
      } else {
        log::error("reload: the settings of before stay in force: " + done.error().detail);
      }
      reload_on_signal();
    });
  }

  // All of it or nothing: the policy is compiled before anything is taken over.
  Status reload() {
    COFFERDAM_TRY(Settings settings, settings_of(arguments_, clock_.now()));
    if (settings.fixed != fixed_) {
      log::warning(
          "reload: issuer, endpoints, files to write to and keys change at the next start");
      settings.tokens.issuer = tokens_->issuer();
    }
    COFFERDAM_CHECK(policy_->reload(std::move(settings.modules), std::move(settings.policy_data)));
    tokens_->reload(std::move(settings.tokens));
    return {};
  }

  void rotate_on_signal() {
    rotate_signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      const Status done = keys_->rotate(clock_.now());
      if (done) {
        log::info("new signing keys are published");
      } else {
        log::error("new signing keys: " + done.error().detail);
      }
      rotate_on_signal();
    });
  }

  void keep_keys() {
    key_timer_.expires_after(kTick);
    key_timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      const Status kept = keys_->tick(clock_.now());
      if (!kept) log::error("signing keys: " + kept.error().detail);
      keep_keys();
    });
  }

  const Arguments& arguments_;
  const Clock& clock_;
  std::string fixed_;
  Metrics metrics_;
  asio::io_context io_{1};
  asio::signal_set stop_signals_{io_, SIGTERM, SIGINT};
  asio::signal_set reload_signals_{io_, SIGHUP};
  asio::signal_set rotate_signals_{io_, SIGUSR1};
  asio::steady_timer key_timer_{io_};
  std::optional<policy::ReloadablePolicy> policy_;
  std::optional<attest::Verifier> verifier_;
  std::optional<SigningKeys> keys_;
  std::unique_ptr<ledger::DecisionLog> decisions_;
  std::optional<TokenService> tokens_;
  std::optional<HttpService> service_;
  std::optional<net::HttpServer> server_;
  std::optional<net::HttpServer> metrics_server_;
};

}  // namespace

int run_program(int argc, const char* const* argv) {
  harden_process();
  Arguments arguments;
  bool verbose = false;
  CLI::App app;
  app.description(
      "Turn attestation documents of Nitro Enclaves into OpenID Connect tokens, for AWS STS and\n"
      "every other service that takes them. A policy decides who gets one.");
  app.footer(std::string(kFooter));
  describe_service(app, arguments);
  describe_decisions(app, arguments);
  app.add_flag("--verbose", verbose, "Log every refusal");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << "cofferdam-broker: error: " << error.what() << '\n'
              << "cofferdam-broker: hint: see cofferdam-broker --help\n";
    return kUsage;
  }
  log::start("cofferdam-broker", verbose ? log::Level::debug : log::Level::info);
  const SystemClock clock;
  auto settings = settings_of(arguments, clock.now());
  if (!settings) return complain(settings.error());
  Run run(arguments, clock);
  const Status served = run.serve(*std::move(settings));
  return served ? 0 : complain(served.error());
}

}  // namespace cofferdam::broker
