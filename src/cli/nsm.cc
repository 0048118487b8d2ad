// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/pcr_option.h"
#include "eif/reader.h"
#include "nsm/authority.h"
#include "nsm/client.h"
#include "nsm/module.h"
#include "nsm/server.h"

namespace cofferdam::cli {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kDefaultDevice = "device:/dev/nsm";

constexpr const char* kServeFooter =
    R"(Prints one JSON line when ready and serves until SIGINT or SIGTERM. Documents have the
structure of AWS's, but end in the root of --data: pass its root.pem to verifiers.

Example:
  $ cofferdam nsm serve --listen unix:/tmp/nsm.sock --image app.eif --data ~/.cofferdam/nsm)";

constexpr const char* kAttestFooter =
    R"(Prints the document in base64, which `cofferdam attest` reads; --output gets raw bytes.

Example:
  $ nonce=$(openssl rand -hex 32)
  $ cofferdam nsm attest --device unix:/tmp/nsm.sock --nonce "$nonce" |
      cofferdam attest verify - --root ~/.cofferdam/nsm/root.pem --nonce "$nonce")";

struct ServeOptions {
  std::string listen;
  std::string image;
  std::vector<std::string> pcrs;
  std::string data;
  std::string region = "us-east-1";
  std::string role_arn;
  bool debug_mode = false;
  bool any_user = false;
};

struct AttestOptions {
  std::string device = std::string(kDefaultDevice);
  std::string nonce;
  std::string user_data;
  std::string public_key;
  std::string output;
};

Exit usage_error(std::string_view option, std::string_view detail, const char* command) {
  const std::string hint = "see cofferdam nsm " + std::string(command) + " --help";
  print_error({.code = Errc::invalid_input,
               .detail = std::string(option) + ": " + std::string(detail),
               .reason = {}},
              hint);
  return Exit::usage;
}

Exit report(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return exit_for(error);
}

// SIGINT and SIGTERM are held back from every thread started after this, to be waited for.
class TerminationSignals {
 public:
  TerminationSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  TerminationSignals(const TerminationSignals&) = delete;
  TerminationSignals& operator=(const TerminationSignals&) = delete;
  ~TerminationSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  void wait() const {
    int received = 0;
    sigwait(&set_, &received);
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

Result<attest::Pcrs> measure_image(const std::string& path) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(path));
  COFFERDAM_TRY(const eif::Measurements measured, image.measure());
  attest::Pcrs out{
      {0, to_bytes(measured.pcr0)}, {1, to_bytes(measured.pcr1)}, {2, to_bytes(measured.pcr2)}};
  if (measured.pcr8) out.emplace(8, to_bytes(*measured.pcr8));
  return out;
}

// Serves until a signal comes. Everything the server borrows lives here.
Status serve_until_signal(const ServeOptions& options, nsm::BootState state) {
  const TerminationSignals signals;
  const SystemClock clock;
  const std::string path = options.listen.substr(kUnix.size());
  COFFERDAM_TRY(const nsm::Authority authority, nsm::Authority::open(options.data, clock));
  COFFERDAM_TRY(nsm::Module module, nsm::Module::boot(authority, clock, std::move(state)));
  COFFERDAM_TRY(
      const std::unique_ptr<nsm::Server> server,
      nsm::Server::start(path, module, {.socket_mode = options.any_user ? 0666U : 0600U}));
  std::cout << json::serialize(json::object{{"ready", true},
                                            {"listen", options.listen},
                                            {"moduleId", module.identity().module_id()},
                                            {"root", authority.root_pem_path().string()}})
            << '\n'
            << std::flush;
  signals.wait();
  return {};
}

Result<attest::Pcrs> read_pcrs(const std::vector<std::string>& texts) {
  attest::Pcrs out;
  for (const std::string& text : texts) COFFERDAM_CHECK(read_pcr_option(text, out));
  return out;
}

Exit serve(const ServeOptions& options) {
  if (!options.listen.starts_with(kUnix)) {
    return usage_error("--listen", "expected unix:PATH", "serve");
  }
  if (options.image.empty() && options.pcrs.empty() && !options.debug_mode) {
    return usage_error("--image or --pcr", "one is required: what was measured?", "serve");
  }
  nsm::BootState state{.debug_mode = options.debug_mode, .region = options.region};
  if (!options.role_arn.empty()) state.role_arn = options.role_arn;
  Result<attest::Pcrs> pcrs = read_pcrs(options.pcrs);
  if (!pcrs) return usage_error("--pcr", pcrs.error().detail, "serve");
  if (!options.image.empty()) pcrs = measure_image(options.image);
  if (!pcrs) return report(pcrs.error());
  state.pcrs = *std::move(pcrs);
  const Status served = serve_until_signal(options, std::move(state));
  return served ? Exit::ok : report(served.error());
}

Status read_optional(const std::string& hex, std::optional<Bytes>& out) {
  if (hex.empty()) return {};
  COFFERDAM_TRY(out, from_hex(hex));
  return {};
}

Result<nsm::AttestationRequest> attestation_request(const AttestOptions& options) {
  nsm::AttestationRequest out;
  COFFERDAM_CHECK(read_optional(options.nonce, out.nonce));
  COFFERDAM_CHECK(read_optional(options.user_data, out.user_data));
  COFFERDAM_CHECK(read_optional(options.public_key, out.public_key));
  return out;
}

Result<Bytes> ask_for_document(const std::string& device, const nsm::AttestationRequest& request) {
  COFFERDAM_TRY(const std::unique_ptr<nsm::Client> client, nsm::Client::open(device));
  return client->attest(request);
}

Exit attest(const AttestOptions& options) {
  const auto request = attestation_request(options);
  if (!request) {
    return usage_error("--nonce, --user-data, --public-key", request.error().detail, "attest");
  }
  const auto document = ask_for_document(options.device, *request);
  if (!document) return report(document.error());
  if (options.output.empty()) {
    std::cout << to_base64(*document) << '\n';
    return Exit::ok;
  }
  const Status written = write_file_atomic(options.output, *document);
  return written ? Exit::ok : report(written.error());
}

Result<json::object> describe_module(const std::string& device) {
  COFFERDAM_TRY(const std::unique_ptr<nsm::Client> client, nsm::Client::open(device));
  COFFERDAM_TRY(const nsm::DescribeNsmResponse module, client->describe());
  const std::string version = std::to_string(module.version_major) + "." +
                              std::to_string(module.version_minor) + "." +
                              std::to_string(module.version_patch);
  return json::object{
      {"moduleId", module.module_id},
      {"version", version},
      {"digest", module.digest},
      {"maxPcrs", module.max_pcrs},
      {"lockedPcrs", json::array(module.locked_pcrs.begin(), module.locked_pcrs.end())}};
}

Result<json::object> describe_register(const std::string& device, std::uint16_t index) {
  COFFERDAM_TRY(const std::unique_ptr<nsm::Client> client, nsm::Client::open(device));
  COFFERDAM_TRY(const nsm::DescribePcrResponse pcr, client->describe_pcr(index));
  return json::object{{"pcr", index}, {"locked", pcr.lock}, {"value", to_hex(pcr.data)}};
}

Exit print(const Result<json::object>& object) {
  if (!object) return report(object.error());
  std::cout << pretty_json(*object);
  return Exit::ok;
}

void add_device(CLI::App& command, std::string& device) {
  command.add_option("--device", device, "device:PATH of the driver, or unix:PATH")
      ->capture_default_str();
}

void add_serve(CLI::App& nsm, Exit& exit) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = nsm.add_subcommand("serve", "Emulate the security module of one enclave");
  command->footer(kServeFooter);
  command->add_option("--listen", options->listen, "unix:PATH to serve on")->required();
  command->add_option("--data", options->data, "Folder of the emulation's root, made on first use")
      ->required();
  CLI::Option* image =
      command->add_option("--image", options->image, "Measure this enclave image (EIF)");
  command->add_option("--pcr", options->pcrs, "N=HEX: what register N (0-15) holds; repeatable")
      ->take_all()
      ->excludes(image);
  command->add_flag("--debug-mode", options->debug_mode, "A debug enclave: PCR0, 1, 2 are zero");
  command->add_option("--role-arn", options->role_arn, "Role of the instance, measured in PCR3");
  command->add_option("--region", options->region, "Region in the certificates")
      ->capture_default_str();
  command->add_flag("--any-user", options->any_user, "Socket mode 0666, as /dev/nsm, not 0600");
  command->callback([options, &exit] { exit = serve(*options); });
}

void add_attest_command(CLI::App& nsm, Exit& exit) {
  auto options = std::make_shared<AttestOptions>();
  CLI::App* command = nsm.add_subcommand("attest", "Ask for an attestation document");
  command->footer(kAttestFooter);
  add_device(*command, options->device);
  command->add_option("--nonce", options->nonce, "Freshness, hexadecimal, to 1024 bytes");
  command->add_option("--user-data", options->user_data, "Hexadecimal, to 1024 bytes");
  command->add_option("--public-key", options->public_key, "Hexadecimal, to 1024 bytes");
  command->add_option("--output", options->output, "Write the raw document to this file");
  command->callback([options, &exit] { exit = attest(*options); });
}

void add_describe(CLI::App& nsm, Exit& exit) {
  auto device = std::make_shared<std::string>(kDefaultDevice);
  CLI::App* command = nsm.add_subcommand("describe", "Say which module this is");
  add_device(*command, *device);
  command->callback([device, &exit] { exit = print(describe_module(*device)); });
}

void add_describe_pcr(CLI::App& nsm, Exit& exit) {
  struct Options {
    std::string device = std::string(kDefaultDevice);
    std::uint16_t index = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = nsm.add_subcommand("describe-pcr", "Show one register");
  add_device(*command, options->device);
  command->add_option("N", options->index, "Index of the register")->required();
  command->callback(
      [options, &exit] { exit = print(describe_register(options->device, options->index)); });
}

}  // namespace

void add_nsm(CLI::App& app, Exit& exit) {
  CLI::App* nsm = app.add_subcommand("nsm", "The Nitro Secure Module: emulate one or ask one");
  nsm->require_subcommand(1);
  add_serve(*nsm, exit);
  add_attest_command(*nsm, exit);
  add_describe(*nsm, exit);
  add_describe_pcr(*nsm, exit);
}

}  // namespace cofferdam::cli
