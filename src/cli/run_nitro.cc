// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <system_error>

#include "base/log.h"
#include "cli/run_options.h"
#include "eif/report.h"
#include "run/console_file.h"
#include "run/nitro_enclave.h"
#include "run/places.h"
#include "run/registry.h"

namespace cofferdam::cli {
namespace {

using std::chrono::steady_clock;

Result<run::NitroRequest> nitro_request(const RunOptions& options) {
  std::error_code error;
  const auto size = std::filesystem::file_size(options.image, error);
  if (error) {
    return fail(Errc::not_found, "cannot open " + options.image.string() + ": " + error.message());
  }
  run::NitroRequest out{
      .image = std::filesystem::absolute(options.image),
      .name = options.name.value_or(run::default_name(options.image)),
      .memory_mib = options.memory_mib.value_or(run::default_nitro_memory_mib(size)),
      .cpus = options.cpus.value_or(run::kDefaultNitroCpus),
      .cid = options.cid,
      .debug_mode = options.debug_mode};
  COFFERDAM_CHECK(run::check_name(out.name));
  return out;
}

run::EnclaveState nitro_state(const RunOptions& options, const run::NitroEnclave& enclave,
                              const eif::Measurements& measured) {
  run::EnclaveState out = initial_state(options, enclave.id, eif::measurements_json(measured));
  out.name = enclave.name;
  out.memory_mib = enclave.memory_mib;
  out.cpus = enclave.cpus;
  out.cid = enclave.cid;
  return out;
}

Result<Exit> watch(const RunOptions& options, const run::NitroCli& nitro, run::Claim& claim) {
  COFFERDAM_TRY(auto file, run::ConsoleFile::create(claim.console()));
  run::ConsoleLines console([&file](std::string_view line) {
    file.add_line(line);
    print_console_line(line);
  });
  COFFERDAM_TRY(const bool stopped,
                run::watch_nitro(nitro, claim.state().id, options.debug_mode ? &console : nullptr));
  print_line(json::object{{"exitStatus", nullptr}, {"stopped", stopped}});
  if (stopped) return Exit::ok;
  log::warning(
      "the enclave has ended by itself; Nitro does not say how, the exit report that it sent to "
      "its parent does");
  return Exit::negative;
}

// The enclave's folder. It runs already: whatever goes wrong from here on must not end it
// silently, nor leave it unnamed.
Result<run::Claim> record(const run::Registry& registry, run::EnclaveState state) {
  const std::string name = state.name;
  return run::Registry(registry).claim(std::move(state), name);
}

}  // namespace

Result<Exit> run_nitro(const RunOptions& options) {
  const SystemClock clock;
  COFFERDAM_TRY(const run::NitroRequest request, nitro_request(options));
  COFFERDAM_TRY(const run::Registry registry, run::Registry::open(run::runtime_folder()));
  COFFERDAM_TRY(const run::NitroCli nitro,
                run::NitroCli::find(run::runtime_folder() /
                                    ("nitro-cli-" + std::to_string(getpid()) + ".log")));
  COFFERDAM_TRY(const eif::Measurements measured, run::judge_image(request, clock));
  const auto begun = steady_clock::now();
  COFFERDAM_TRY(const run::NitroEnclave enclave, run::launch_nitro(nitro, request, measured));
  const auto after =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begun);
  auto claim = record(registry, nitro_state(options, enclave, measured));
  if (!claim) {
    COFFERDAM_CHECK(nitro.terminate(enclave.id));
    return std::unexpected(std::move(claim).error());
  }
  json::object line = started_line(claim->state());
  line["cid"] = enclave.cid;
  print_line(line);
  print_line(json::object{{"heartbeat", true}, {"afterMs", after.count()}});
  if (options.detach) return Exit::ok;
  auto exit = watch(options, nitro, *claim);
  if (exit) claim->remove();
  return exit;
}

}  // namespace cofferdam::cli
