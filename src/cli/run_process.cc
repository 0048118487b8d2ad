// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "cli/run_options.h"
#include "eif/report.h"
#include "run/console_file.h"
#include "run/places.h"
#include "run/process_enclave.h"
#include "run/registry.h"

namespace cofferdam::cli {
namespace {

Result<run::LaunchOptions> launch_options(const RunOptions& options) {
  run::LaunchOptions out;
  out.image = options.image;
  out.scratch_folder = run::scratch_folder();
  out.debug_mode = options.debug_mode;
  out.memory_mib = options.memory_mib;
  out.cpus = options.cpus;
  if (options.nsm_data) {
    out.nsm_folder = *options.nsm_data;
  } else {
    COFFERDAM_TRY(out.nsm_folder, run::default_nsm_folder());
  }
  return out;
}

Result<run::Claim> claim_folder(const RunOptions& options, const run::ProcessEnclave& enclave,
                                const Clock& clock) {
  COFFERDAM_TRY(auto registry, run::Registry::open(run::runtime_folder()));
  COFFERDAM_CHECK(registry.tidy(clock.now(), clock.now() - kRememberEnded));
  run::EnclaveState state =
      initial_state(options, enclave.module_id(), eif::measurements_json(enclave.measurements()));
  state.pid = getpid();
  COFFERDAM_TRY(state.pid_start, run::process_start(getpid()));
  return registry.claim(std::move(state), options.name);
}

Result<std::filesystem::path> vsock_folder(const RunOptions& options, const run::Claim& claim) {
  if (options.vsock_dir) return std::filesystem::absolute(*options.vsock_dir);
  std::filesystem::path out = claim.folder() / "vsock";
  COFFERDAM_CHECK(make_private_folder(out));
  return out;
}

// One run, from the start of /init to its end.
class ProcessRun {
 public:
  ProcessRun(const RunOptions& options, run::ProcessEnclave& enclave, run::Claim& claim,
             Background* background)
      : options_(options), enclave_(enclave), claim_(claim), background_(background) {}

  Result<run::Ending> run();

 private:
  void say_started(const std::filesystem::path& vsock) const;
  void say_heartbeat(std::chrono::milliseconds after) const;
  void ready() const;

  const RunOptions& options_;
  run::ProcessEnclave& enclave_;
  run::Claim& claim_;
  Background* background_;
};

void ProcessRun::ready() const {
  if (background_ != nullptr) background_->ready(claim_.folder() / "runner.log");
}

void ProcessRun::say_started(const std::filesystem::path& vsock) const {
  json::object line = started_line(claim_.state());
  line["moduleId"] = enclave_.module_id();
  line["vsockDir"] = vsock.string();
  line["nsmRoot"] = enclave_.nsm_root().string();
  print_line(line);
  if (!options_.wait_heartbeat) ready();
}

void ProcessRun::say_heartbeat(std::chrono::milliseconds after) const {
  print_line(json::object{{"heartbeat", true}, {"afterMs", after.count()}});
  ready();
}

Result<run::Ending> ProcessRun::run() {
  COFFERDAM_TRY(const auto vsock, vsock_folder(options_, claim_));
  COFFERDAM_TRY(auto file, run::ConsoleFile::create(claim_.console()));
  run::ConsoleLines console([this, &file](std::string_view line) {
    file.add_line(line);
    if (background_ == nullptr || !background_->is_ready()) print_console_line(line);
  });
  COFFERDAM_CHECK(enclave_.start(vsock));
  say_started(vsock);
  const run::Watcher watcher{
      .console = &console,
      .on_heartbeat = [this](std::chrono::milliseconds after) { say_heartbeat(after); },
      .heartbeat_limit = options_.wait_heartbeat};
  return enclave_.wait(watcher);
}

Exit report(const RunOptions& options, const run::Ending& ending) {
  json::object line{{"exitStatus", ending.status}};
  if (ending.out_of_memory) {
    line["outOfMemory"] = true;
    log::warning("a process of the enclave was killed for reaching --memory");
  }
  if (ending.no_heartbeat) line["heartbeat"] = false;
  print_line(line);
  if (ending.no_heartbeat) {
    print_error({.code = Errc::denied,
                 .detail = "there was no heartbeat within " +
                           std::to_string(options.wait_heartbeat->count()) +
                           " ms, so the enclave was stopped; its console says why",
                 .reason = "no_heartbeat"});
    return Exit::negative;
  }
  return ending.status == 0 ? Exit::ok : Exit::negative;
}

}  // namespace

Result<Exit> run_process(const RunOptions& options, Background* background) {
  log::warning(
      "the process backend shows how an image behaves; it protects nothing from root on this "
      "machine, and always shows the console");
  const SystemClock clock;
  COFFERDAM_TRY(run::LaunchOptions launch, launch_options(options));
  COFFERDAM_TRY(const auto enclave, run::ProcessEnclave::prepare(std::move(launch), clock));
  COFFERDAM_TRY(run::Claim claim, claim_folder(options, *enclave, clock));
  auto ending = ProcessRun(options, *enclave, claim, background).run();
  if (background != nullptr && background->is_ready()) {
    run::EnclaveState state = claim.state();
    state.ended_at = clock.now();
    if (ending) state.exit_status = ending->status;
    std::error_code ignored;
    std::filesystem::remove_all(claim.folder() / "vsock", ignored);
    COFFERDAM_CHECK(claim.save(std::move(state)));
  } else {
    claim.remove();
  }
  if (!ending) return std::unexpected(std::move(ending).error());
  return report(options, *ending);
}

}  // namespace cofferdam::cli
