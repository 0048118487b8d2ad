// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "base/log.h"
#include "base/process.h"
#include "cli/command.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kDescription =
    R"(Cofferdam: secrets for AWS Nitro Enclaves, released only to what was measured.

Where to begin:
  cofferdam demo                       watch the whole story on this machine
  cofferdam eif build --help           make a signed enclave image, without Docker
  cofferdam attest verify DOC          judge an attestation document, offline
  cofferdam audit show LEDGER          what was released, refused and why
  cofferdam cloud                      a local KMS and STS that say no where AWS would
  cofferdam run IMAGE                  run an image here, with an emulated NSM)";

constexpr const char* kFooter =
    R"(Results go to standard output as JSON, everything else to standard error.
Exit status: 0 done or valid, 1 a negative verdict, 2 usage, 3 environment.
Each command has its own --help with an example; `docs/` explains the rest.)";

int run_parsed(int argc, char** argv) {
  CLI::App app(kDescription, "cofferdam");
  app.footer(kFooter);
  app.set_version_flag("--version", "cofferdam " COFFERDAM_VERSION);
  app.require_subcommand(1);
  Exit exit = Exit::ok;
  add_demo(app, exit);
  add_eif(app, exit);
  add_release(app, exit);
  add_attest(app, exit);
  add_audit(app, exit);
  add_nsm(app, exit);
  add_policy(app, exit);
  add_cloud(app, exit);
  add_run(app, exit);
  add_connect(app, exit);
  add_doctor(app, exit);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const CLI::App* chosen = &app;
    while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
    std::cerr << "cofferdam: error: " << error.what() << '\n'
              << "cofferdam: hint: see " << chosen->get_display_name(true) << " --help\n";
    return static_cast<int>(Exit::usage);
  }
  return static_cast<int>(exit);
}

}  // namespace

int run_program(int argc, char** argv) {
  harden_process();
  log::start("cofferdam");
  try {
    return run_parsed(argc, argv);
  } catch (const std::exception& bug) {
    std::cerr << "cofferdam: error: internal: " << bug.what() << '\n';
    return static_cast<int>(Exit::environment);
  }
}

}  // namespace cofferdam::cli
