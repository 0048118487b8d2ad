// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/cloud_commands.h"
#include "cloud/server.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Plain HTTP and TLS share the port. When ready, prints one line of JSON: the endpoints, the
TLS CA, the root of the emulated Nitro Secure Module, and the files with credentials.
Without --data everything is gone at the end. Stops on Ctrl-C. See docs/local-aws.md.
GET /_cofferdam/health and /_cofferdam/metrics tell how it is.
Exit status: 0 stopped, 2 usage, 3 environment (port in use, unusable folder).

Example:
  $ cofferdam cloud --data ~/.cofferdam/cloud
  $ export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...   # from credentials.json
  $ aws --endpoint-url http://127.0.0.1:4566 --region us-east-1 kms create-key)";

struct CloudCommand {
  std::string listen = "127.0.0.1:4566";
  std::string data;
  std::string nsm_root;
  std::string seed;
  std::string oidc_ca;
  std::string region = "us-east-1";
  bool allow_document_reuse = false;
  std::string record;
  std::uint64_t record_size = 64;  // MiB
  std::vector<std::string> faults;
  std::string fault_file;
  std::uint64_t fault_seed = 0;
  std::vector<std::string> limits;
};

Result<cloud::OperationOptions> to_operation(const CloudCommand& command) {
  cloud::OperationOptions options;
  for (const std::string& text : command.faults) {
    COFFERDAM_TRY(cloud::FaultRule rule, cloud::parse_fault(text));
    options.faults.push_back(std::move(rule));
  }
  for (const std::string& text : command.limits) {
    COFFERDAM_TRY(cloud::RateLimit limit, cloud::parse_limit(text));
    options.limits.push_back(std::move(limit));
  }
  options.fault_seed = command.fault_seed;
  if (!command.fault_file.empty()) options.fault_file = command.fault_file;
  if (!command.record.empty()) options.record = command.record;
  options.record_size = command.record_size * 1024 * 1024;
  return options;
}

Result<cloud::ServerOptions> to_options(const CloudCommand& command) {
  const auto endpoint = net::parse_endpoint("tcp:" + command.listen);
  if (!endpoint) {
    return fail(Errc::invalid_input,
                endpoint.error().detail + ": --listen takes ADDRESS:PORT, such as 127.0.0.1:4566");
  }
  cloud::ServerOptions options;
  options.listen = std::get<net::TcpAddress>(*endpoint);
  if (!command.data.empty()) options.data = command.data;
  if (!command.seed.empty()) options.seed = command.seed;
  if (!command.nsm_root.empty()) options.nsm_root = command.nsm_root;
  if (!command.oidc_ca.empty()) options.oidc_ca = command.oidc_ca;
  options.cloud.place.region = command.region;
  options.cloud.allow_document_reuse = command.allow_document_reuse;
  COFFERDAM_TRY(options.operation, to_operation(command));
  return options;
}

Exit run(const CloudCommand& command) {
  const auto options = to_options(command);
  if (!options) {
    print_error(options.error());
    return Exit::usage;
  }
  const SystemClock clock;
  const Status ended = cloud::run_cloud(*options, clock, [](const json::object& ready) {
    std::cout << json::serialize(ready) << '\n' << std::flush;
  });
  if (ended) return Exit::ok;
  print_error(ended.error());
  return Exit::environment;
}

void add_operation(CLI::App& cloud, CloudCommand& command) {
  cloud.add_option("--record", command.record, "Append an event for each request, as CloudTrail")
      ->type_name("FILE");
  cloud.add_option("--record-size", command.record_size, "When to begin a new file, keeping one")
      ->type_name("MIB")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  cloud
      .add_option("--fault", command.faults, "Fail on demand, such as kms:Decrypt=throttle,count=2")
      ->type_name("SERVICE:OPERATION=KIND")
      ->delimiter('\0')
      ->allow_extra_args(false);
  cloud.add_option("--fault-file", command.fault_file, "More of them, read again at SIGHUP")
      ->type_name("FILE");
  cloud.add_option("--fault-seed", command.fault_seed, "Makes other random faults")
      ->capture_default_str();
  cloud.add_option("--limit", command.limits, "Throttle a service, such as kms=100 a second")
      ->type_name("SERVICE=RPS")
      ->allow_extra_args(false);
}

}  // namespace

void add_cloud(CLI::App& app, Exit& exit) {
  auto command = std::make_shared<CloudCommand>();
  CLI::App* const cloud =
      app.add_subcommand("cloud", "A local AWS: KMS, Secrets Manager, IAM and STS");
  cloud->footer(kFooter);
  cloud->add_option("-l,--listen", command->listen, "Where to listen; port 0 picks a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  cloud->add_option("-d,--data", command->data, "Folder that keeps keys and identities")
      ->type_name("DIR");
  cloud->add_option("--seed", command->seed, "Users, roles and keys to begin with (TOML)")
      ->type_name("FILE");
  cloud
      ->add_option("--nsm-root", command->nsm_root,
                   "Root of attestation documents instead of the emulated one")
      ->type_name("PEM");
  cloud
      ->add_option("--oidc-ca", command->oidc_ca,
                   "Whom to trust about OIDC issuers instead of the system's roots")
      ->type_name("PEM");
  cloud->add_option("--region", command->region, "AWS Region to be")->capture_default_str();
  cloud->add_flag("--allow-document-reuse", command->allow_document_reuse,
                  "Accept a document more than once, as AWS does");
  add_operation(*cloud, *command);
  add_cloud_explain(*cloud, exit);
  cloud->callback([command, cloud, &exit] {
    if (cloud->get_subcommands().empty()) exit = run(*command);
  });
}

}  // namespace cofferdam::cli
