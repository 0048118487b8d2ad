// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "base/encoding.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/command.h"
#include "run/process_enclave.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kDescription =
    "Run an enclave image on this machine, with an emulated Nitro Secure Module";

constexpr const char* kFooter =
    R"(The image is judged as nitro-cli does, unpacked, and its /init started in namespaces of its
own. --vsock-dir is all it can reach: the parent puts its sockets there. What the enclave
prints goes to standard error behind "enclave: "; standard output has one JSON line when it
starts and one when it has ended.

Exit status: 0 its first process ended well, 1 it refused or failed, 2 usage, 3 environment.

Example:
  $ cofferdam run app.eif --vsock-dir /tmp/enclave --nsm-data /tmp/cloud/nsm)";

void print_line(const json::object& line) {
  std::cout << json::serialize(line) << '\n' << std::flush;
}

json::object started(const run::ProcessEnclave& enclave, bool debug_mode) {
  const eif::Measurements& measured = enclave.measurements();
  json::object measurements;
  measurements["PCR0"] = to_hex(measured.pcr0);
  measurements["PCR1"] = to_hex(measured.pcr1);
  measurements["PCR2"] = to_hex(measured.pcr2);
  if (measured.pcr8) measurements["PCR8"] = to_hex(*measured.pcr8);
  json::object out;
  out["started"] = true;
  out["moduleId"] = enclave.module_id();
  out["debugMode"] = debug_mode;
  out["Measurements"] = std::move(measurements);
  return out;
}

Result<int> run_image(const run::LaunchOptions& options) {
  log::warning(
      "the process backend shows how an image behaves; it protects nothing from root on this "
      "machine");
  const SystemClock clock;
  COFFERDAM_TRY(const auto enclave, run::ProcessEnclave::launch(options, clock));
  print_line(started(*enclave, options.debug_mode));
  run::ConsoleLines console([](std::string_view line) {
    const std::string text = "enclave: " + std::string(line) + "\n";
    std::cerr << text << std::flush;
  });
  COFFERDAM_TRY(const int status, enclave->wait(console));
  json::object ended;
  ended["exitStatus"] = status;
  print_line(ended);
  return status;
}

}  // namespace

void add_run(CLI::App& app, Exit& exit) {
  auto* command = app.add_subcommand("run", kDescription);
  command->footer(kFooter);
  const auto options = std::make_shared<run::LaunchOptions>();
  command->add_option("IMAGE", options->image, "The enclave image (EIF)")->required();
  command
      ->add_option("--vsock-dir", options->vsock_folder,
                   "Folder of sockets, /run/cofferdam in the enclave")
      ->required()
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  command->add_option("--nsm-data", options->nsm_folder, "Folder of the emulated NSM's root key")
      ->required()
      ->type_name("DIR");
  command->add_flag("--debug-mode", options->debug_mode,
                    "As nitro-cli --debug-mode: documents say PCR0, PCR1 and PCR2 are zero");
  command->callback([options, &exit] {
    const auto status = run_image(*options);
    if (!status) {
      print_error(status.error());
      exit = exit_for(status.error());
      return;
    }
    exit = *status == 0 ? Exit::ok : Exit::negative;
  });
}

}  // namespace cofferdam::cli
