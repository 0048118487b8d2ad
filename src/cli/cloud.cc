// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "base/time.h"
#include "cli/command.h"
#include "cloud/server.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Plain HTTP and TLS share the port. When ready, prints one line of JSON: the endpoints, the
TLS CA, the root of the emulated Nitro Secure Module, and the files with credentials.
Without --data everything is gone at the end. Stops on Ctrl-C. See docs/cloud.md.
Exit status: 0 stopped, 2 usage, 3 environment (port in use, unusable folder).

Example:
  $ cofferdam cloud --data ~/.cofferdam/cloud
  $ export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...   # from credentials.json
  $ aws --endpoint-url http://127.0.0.1:4566 --region us-east-1 kms create-key)";

struct CloudCommand {
  std::string listen = "127.0.0.1:4566";
  std::string data;
  std::string nsm_root;
  std::string region = "us-east-1";
  bool allow_document_reuse = false;
};

Result<cloud::ServerOptions> to_options(const CloudCommand& command) {
  COFFERDAM_TRY(const net::Endpoint endpoint, net::parse_endpoint("tcp:" + command.listen));
  cloud::ServerOptions options;
  options.listen = std::get<net::TcpAddress>(endpoint);
  if (!command.data.empty()) options.data = command.data;
  if (!command.nsm_root.empty()) options.nsm_root = command.nsm_root;
  options.cloud.place.region = command.region;
  options.cloud.allow_document_reuse = command.allow_document_reuse;
  return options;
}

Exit run(const CloudCommand& command) {
  const auto options = to_options(command);
  if (!options) {
    print_error(options.error(), "--listen takes ADDRESS:PORT, such as 127.0.0.1:4566");
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

}  // namespace

void add_cloud(CLI::App& app, Exit& exit) {
  auto command = std::make_shared<CloudCommand>();
  CLI::App* const cloud = app.add_subcommand("cloud", "A local KMS and STS with AWS's rules");
  cloud->footer(kFooter);
  cloud->add_option("-l,--listen", command->listen, "Where to listen; port 0 picks a free one")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  cloud->add_option("-d,--data", command->data, "Folder that keeps keys and identities")
      ->type_name("DIR");
  cloud
      ->add_option("--nsm-root", command->nsm_root,
                   "Root of attestation documents instead of the emulated one")
      ->type_name("PEM");
  cloud->add_option("--region", command->region, "AWS Region to be")->capture_default_str();
  cloud->add_flag("--allow-document-reuse", command->allow_document_reuse,
                  "Accept a document more than once, as AWS does");
  cloud->callback([command, &exit] { exit = run(*command); });
}

}  // namespace cofferdam::cli
