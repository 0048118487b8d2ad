// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.h"

#include <iostream>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "doctor/allocator.h"
#include "eif/reader.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Says what this machine lacks: as the parent instance of enclaves, or as a laptop on which
images are built and tried. Each finding has its fix; nothing is changed. With an image, also
whether the machine is large enough for it.

--fix-allocator IMAGE prints the /etc/nitro_enclaves/allocator.yaml that image needs.
Exit status: 0 no problem, 1 problems, 2 usage, 3 cannot look.

Examples:
  $ cofferdam doctor payments.eif
  $ cofferdam doctor --role parent --json | jq '.findings[] | select(.status=="problem").fix'
  $ cofferdam doctor --fix-allocator payments.eif --output allocator.yaml)";

struct Options {
  std::string image;
  std::string role = "auto";
  bool json = false;
  std::string fix_allocator;
  std::string output;
};

Exit cannot_look(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return Exit::environment;
}

Result<doctor::ImageNeed> need_of(const std::string& file) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(file));
  return doctor::ImageNeed{.path = file, .size = image.bytes().size(), .arch = image.header().arch};
}

doctor::Role role_of(const Options& options, const doctor::Machine& machine) {
  if (options.role == "parent") return doctor::Role::parent;
  if (options.role == "laptop") return doctor::Role::laptop;
  return doctor::guess_role(machine);
}

Exit propose(const Options& options, const doctor::Machine& machine) {
  const auto need = need_of(options.fix_allocator);
  if (!need) return cannot_look(need.error(), "give the path of an enclave image");
  const auto text = doctor::propose_allocator(machine, *need);
  if (!text) {
    print_error(text.error());
    return Exit::negative;
  }
  if (options.output.empty()) {
    std::cout << *text;
    return Exit::ok;
  }
  if (const Status written = write_file_atomic(options.output, as_bytes(*text)); !written) {
    return cannot_look(written.error());
  }
  std::cerr << "cofferdam: wrote " << options.output << "; put it in place with\n"
            << "  sudo install -m 644 " << options.output << " " << doctor::kAllocatorPath
            << " && sudo systemctl restart nitro-enclaves-allocator.service\n";
  return Exit::ok;
}

Exit examine(const Options& options, const doctor::Machine& machine) {
  std::optional<doctor::ImageNeed> image;
  if (!options.image.empty()) {
    auto need = need_of(options.image);
    if (!need) return cannot_look(need.error(), "give the path of an enclave image");
    image = *std::move(need);
  }
  const doctor::Role role = role_of(options, machine);
  const auto findings = doctor::examine(machine, role, image);
  std::cout << (options.json ? pretty_json(doctor::report_json(findings, role))
                             : doctor::report_text(findings, role));
  return doctor::count(findings, doctor::State::problem) == 0 ? Exit::ok : Exit::negative;
}

Exit run(const Options& options) {
  const auto machine = doctor::Machine::here();
  if (!machine) return cannot_look(machine.error());
  return options.fix_allocator.empty() ? examine(options, *machine) : propose(options, *machine);
}

}  // namespace

void add_doctor(CLI::App& app, Exit& exit) {
  CLI::App* const command =
      app.add_subcommand("doctor", "Say what this machine lacks for enclaves, and how to fix it");
  auto options = std::make_shared<Options>();
  auto* const image = command->add_option("IMAGE", options->image, "An image that is to run here");
  command->add_option("--role", options->role, "parent, laptop or auto")
      ->check(CLI::IsMember({"parent", "laptop", "auto"}))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  auto* const fix = command->add_option("--fix-allocator", options->fix_allocator,
                                        "Propose the allocator's settings for this image");
  command->add_option("--output", options->output, "Write them to this file")->needs(fix);
  image->excludes(fix);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run(*options); });
}

}  // namespace cofferdam::cli
