// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "cli/command.h"
#include "cli/run_options.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kDescription =
    "Run an enclave image: with nitro-cli, or on this machine with an emulated NSM";

constexpr const char* kFooter =
    R"(--backend nitro (the default where /dev/nitro_enclaves is) checks the image, starts it with
nitro-cli and explains its errors. --backend process unpacks the image and starts its /init in
namespaces of its own, with an emulated NSM; --vsock-dir is all it can reach, and the parent
puts its sockets there. What the enclave prints goes to standard error behind "enclave: ";
standard output has one JSON line each for the start, the heartbeat and the end.

An image file that is called like a command is given as ./list.

Exit status: 0 its first process ended well, 1 it refused or failed, 2 usage, 3 environment.

Example:
  $ cofferdam run app.eif --detach --wait-heartbeat 10s
  $ cofferdam run console app --follow
  $ cofferdam run stop app)";

// What the command line gives, before it is judged.
struct Given {
  std::string image;
  std::string backend;
  std::string name;
  std::optional<std::uint64_t> memory;
  std::optional<unsigned> cpus;
  std::string vsock_dir;
  std::string nsm_data;
  std::optional<std::uint32_t> cid;
  std::string wait_heartbeat;
  bool debug_mode = false;
  bool detach = false;
  bool attach_console = false;
};

template <class T>
std::optional<T> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<T>(text);
}

run::Backend choose_backend(const std::string& asked) {
  std::error_code error;
  if (asked.empty()) {
    return std::filesystem::exists("/dev/nitro_enclaves", error) ? run::Backend::nitro
                                                                 : run::Backend::process;
  }
  return asked == "nitro" ? run::Backend::nitro : run::Backend::process;
}

// Options that mean nothing for a backend are refused, lest somebody rely on them.
Status check_combination(const RunOptions& options) {
  const bool nitro = options.backend == run::Backend::nitro;
  if (nitro && (options.vsock_dir || options.nsm_data)) {
    return fail(Errc::invalid_input,
                "--vsock-dir and --nsm-data are for --backend process: Nitro has its own vsock "
                "and module");
  }
  if (!nitro && options.cid) {
    return fail(Errc::invalid_input,
                "--cid is for --backend nitro: the process backend has sockets in --vsock-dir");
  }
  if (nitro && options.wait_heartbeat) {
    return fail(Errc::invalid_input,
                "--wait-heartbeat is for --backend process: nitro-cli always waits for it");
  }
  if (nitro && options.attach_console && !options.debug_mode) {
    return fail(Errc::invalid_input,
                "--attach-console needs --debug-mode: other enclaves have no console on Nitro");
  }
  if (options.attach_console && options.detach) {
    return fail(Errc::invalid_input,
                "--attach-console and --detach exclude each other; see cofferdam run console");
  }
  return {};
}

Result<RunOptions> judge(const Given& given) {
  RunOptions out{.image = given.image,
                 .backend = choose_backend(given.backend),
                 .name = unless_empty<std::string>(given.name),
                 .memory_mib = given.memory,
                 .cpus = given.cpus,
                 .debug_mode = given.debug_mode,
                 .vsock_dir = unless_empty<std::filesystem::path>(given.vsock_dir),
                 .nsm_data = unless_empty<std::filesystem::path>(given.nsm_data),
                 .cid = given.cid,
                 .detach = given.detach,
                 .attach_console = given.attach_console,
                 .wait_heartbeat = {}};
  if (given.image.empty()) return fail(Errc::invalid_input, "IMAGE is required");
  if (!given.wait_heartbeat.empty()) {
    COFFERDAM_TRY(out.wait_heartbeat, parse_duration(given.wait_heartbeat));
  }
  if (out.name) COFFERDAM_CHECK(run::check_name(*out.name));
  COFFERDAM_CHECK(check_combination(out));
  return out;
}

Exit finish(Result<Exit> done) {
  if (done) return *done;
  print_error(done.error());
  return exit_for(done.error());
}

Exit run_image(const RunOptions& options) {
  if (options.backend == run::Backend::nitro) return finish(run_nitro(options));
  if (!options.detach) return finish(run_process(options, nullptr));
  return Background::run(
      [&options](Background& background) { return finish(run_process(options, &background)); });
}

void add_backend_options(CLI::App& command, Given& given) {
  command.add_option("--backend", given.backend, "process or nitro")
      ->check(CLI::IsMember({"process", "nitro"}));
  command
      .add_option("--vsock-dir", given.vsock_dir,
                  "process: folder of sockets, /run/cofferdam in the enclave; default: a private "
                  "one below the runtime folder")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--nsm-data", given.nsm_data,
                  "process: folder of the emulated NSM's root key; default: ~/.cofferdam/nsm")
      ->type_name("DIR");
  command
      .add_option("--wait-heartbeat", given.wait_heartbeat,
                  "process: stop the enclave if it gives no heartbeat in this time, as in 30s")
      ->type_name("DURATION");
  command.add_option("--cid", given.cid, "nitro: the enclave's CID, 4 or more; default: any")
      ->check(CLI::Range(4U, 4294967294U));
}

void add_options(CLI::App& command, Given& given) {
  command.add_option("IMAGE", given.image, "The enclave image (EIF)");
  command.add_option("--name", given.name, "Default: the name of the file");
  command
      .add_option("--memory", given.memory,
                  "Memory in MiB, at least four times the image; default: no limit (process), "
                  "what the image needs but at least 512 (nitro)")
      ->type_name("MIB")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 30));
  command.add_option("--cpus", given.cpus, "Number of CPUs; default: all (process), 2 (nitro)")
      ->check(CLI::Range(1U, 4096U));
  command.add_flag("--debug-mode", given.debug_mode,
                   "Documents say PCR0, PCR1 and PCR2 are zero, and Nitro gives a console");
  command.add_flag("--detach", given.detach,
                   "Return when the enclave has started, or with --wait-heartbeat when that came");
  command.add_flag("--attach-console", given.attach_console,
                   "Stay and show the console, which is the default where there is one");
  add_backend_options(command, given);
}

}  // namespace

run::EnclaveState initial_state(const RunOptions& options, std::string id,
                                json::object measurements) {
  run::EnclaveState out;
  out.id = std::move(id);
  out.backend = options.backend;
  out.image = std::filesystem::absolute(options.image).string();
  out.measurements = std::move(measurements);
  out.debug_mode = options.debug_mode;
  out.started_at = SystemClock().now();
  if (options.memory_mib) out.memory_mib = static_cast<std::int64_t>(*options.memory_mib);
  if (options.cpus) out.cpus = *options.cpus;
  return out;
}

json::object started_line(const run::EnclaveState& state) {
  json::object out;
  out["started"] = true;
  out["name"] = state.name;
  out["id"] = state.id;
  out["backend"] = run::to_string(state.backend);
  out["debugMode"] = state.debug_mode;
  out["Measurements"] = state.measurements;
  return out;
}

void print_line(const json::object& line) {
  std::cout << json::serialize(line) << '\n' << std::flush;
}

void print_console_line(std::string_view line) {
  const std::string text = "enclave: " + std::string(line) + "\n";
  std::cerr << text << std::flush;
}

void add_run(CLI::App& app, Exit& exit) {
  auto* command = app.add_subcommand("run", kDescription);
  command->footer(kFooter);
  const auto given = std::make_shared<Given>();
  add_options(*command, *given);
  add_run_commands(*command, exit);
  command->callback([command, given, &exit] {
    if (!command->get_subcommands().empty()) return;
    const auto options = judge(*given);
    if (!options) {
      print_error(options.error(), "see cofferdam run --help");
      exit = Exit::usage;
      return;
    }
    exit = run_image(*options);
  });
}

}  // namespace cofferdam::cli
