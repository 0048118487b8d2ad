// SPDX-License-Identifier: Apache-2.0
#include "parent/program.h"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <exception>
#include <iostream>

#include "base/log.h"
#include "base/process.h"
#include "parent/parent.h"

namespace cofferdam::parent {
namespace {

constexpr int kUsage = 2;
constexpr int kEnvironment = 3;

constexpr std::string_view kFooter = R"(
Endpoints are vsock:CID:PORT, unix:PATH or tcp:HOST:PORT. Without --credentials they come from
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Files are read again at each
request. SIGTERM drains and ends.

Example:
  $ cofferdam-parent --control vsock:4294967295:9001 --egress vsock:4294967295:9002 \
      --allow kms.us-east-1.amazonaws.com:443 --release-manifest release.manifest \
      --offer database-password=offer.json --credentials creds.json --decision-log decisions.jsonl
)";

struct Arguments {
  std::string control;
  std::string egress;
  std::vector<std::string> allow;
  std::string release_manifest;
  std::vector<std::string> offers;
  std::string credentials;
  std::string decision_log;
  unsigned drain_seconds = 10;
  bool verbose = false;
};

// What the arguments mean, checked.
struct Settings {
  net::Endpoint control;
  net::Endpoint egress;
  AllowList allowed;
  ControlOptions options;
};

void describe(CLI::App& app, Arguments& arguments) {
  app.description(
      "Serve one enclave from outside: a way out to listed destinations, and opaque\n"
      "things handed over. The enclave trusts none of it.");
  app.footer(std::string(kFooter));
  app.add_option("--control", arguments.control, "Where the enclave asks for things")
      ->type_name("ENDPOINT")
      ->required();
  app.add_option("--egress", arguments.egress, "Where the enclave asks for connections")
      ->type_name("ENDPOINT")
      ->required();
  app.add_option("--allow", arguments.allow,
                 "A destination it may reach, and where that leads; may be repeated")
      ->type_name("HOST:PORT[=HOST:PORT]");
  app.add_option("--release-manifest", arguments.release_manifest, "Signed by the release key")
      ->type_name("FILE");
  app.add_option("--offer", arguments.offers, "Ciphertext of a secret (JSON); may be repeated")
      ->type_name("NAME=FILE");
  app.add_option("--credentials", arguments.credentials, "AWS credentials (JSON)")
      ->type_name("FILE");
  app.add_option("--decision-log", arguments.decision_log, "Append the enclave's decisions here")
      ->type_name("FILE");
  app.add_option("--drain", arguments.drain_seconds, "Wait for open connections when stopping")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, 3600U))
      ->capture_default_str();
  app.add_flag("--verbose", arguments.verbose, "Log every connection");
}

Result<net::Endpoint> endpoint_of(std::string_view flag, const std::string& text) {
  auto endpoint = net::parse_endpoint(text);
  if (!endpoint) return wrap(flag, std::move(endpoint).error());
  return endpoint;
}

Result<std::map<std::string, std::filesystem::path>> parse_offers(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::filesystem::path> offers;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return fail(Errc::invalid_input, "expected --offer NAME=FILE, found " + text);
    }
    if (!offers.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return fail(Errc::invalid_input, "two --offer for " + text.substr(0, equals));
    }
  }
  return offers;
}

Result<Settings> settings_of(const Arguments& arguments) {
  COFFERDAM_TRY(auto control, endpoint_of("--control", arguments.control));
  COFFERDAM_TRY(auto egress, endpoint_of("--egress", arguments.egress));
  COFFERDAM_TRY(auto allowed, AllowList::parse(arguments.allow));
  COFFERDAM_TRY(auto offers, parse_offers(arguments.offers));
  Settings settings{.control = std::move(control),
                    .egress = std::move(egress),
                    .allowed = std::move(allowed),
                    .options = {}};
  settings.options.offers = std::move(offers);
  if (!arguments.release_manifest.empty()) {
    settings.options.release_manifest = arguments.release_manifest;
  }
  if (!arguments.decision_log.empty()) settings.options.decision_log = arguments.decision_log;
  if (!arguments.credentials.empty()) {
    settings.options.credentials = CredentialSource::file(arguments.credentials);
  } else if (auto environment = CredentialSource::environment()) {
    settings.options.credentials = *std::move(environment);
  } else if (environment.error().code != Errc::not_found) {
    return std::unexpected(std::move(environment).error());
  }
  return settings;
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

// The first signal drains, a second one ends at once.
void stop_on_signal(boost::asio::io_context& io, boost::asio::signal_set& signals, Parent& parent,
                    std::chrono::seconds grace) {
  signals.async_wait([&io, &signals, &parent, grace](const boost::system::error_code& error, int) {
    if (error) return;
    log::info("stopping");
    signals.async_wait([&io](const boost::system::error_code& again, int) {
      if (!again) io.stop();
    });
    boost::asio::co_spawn(io, parent.drain(grace),
                          [&io](const std::exception_ptr&, const Status& status) {
                            if (!status) log::warning(status.error().detail);
                            io.stop();
                          });
  });
}

Status serve(Settings settings, std::chrono::seconds grace) {
  const SystemClock clock;
  COFFERDAM_TRY(auto service, ControlService::open(std::move(settings.options), clock));
  boost::asio::io_context io(1);
  Parent parent(io.get_executor(), std::move(settings.allowed), EgressOptions(),
                std::move(service));
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  stop_on_signal(io, signals, parent, grace);
  COFFERDAM_TRY(const auto control, parent.listen_control(settings.control));
  COFFERDAM_TRY(const auto egress, parent.listen_egress(settings.egress));
  print_ready(control, egress);
  io.run();
  return {};
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  harden_process();
  Arguments arguments;
  CLI::App app;
  describe(app, arguments);
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
  log::start("cofferdam-parent", arguments.verbose ? log::Level::debug : log::Level::info);
  auto settings = settings_of(arguments);
  if (!settings) return complain(settings.error());
  const Status served = serve(*std::move(settings), std::chrono::seconds(arguments.drain_seconds));
  return served ? 0 : complain(served.error());
}

}  // namespace cofferdam::parent
