// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "cli/run_options.h"
#include "run/console.h"
#include "run/console_file.h"
#include "run/nitro_cli.h"
#include "run/places.h"
#include "run/registry.h"
#include "run/stop.h"
#include "run/unpacked_tree.h"

namespace cofferdam::cli {
namespace {

using run::Backend;
using run::Listed;

constexpr std::chrono::milliseconds kFollowPause{100};

Result<run::NitroCli> find_nitro() {
  return run::NitroCli::find(run::runtime_folder() /
                             ("nitro-cli-" + std::to_string(getpid()) + ".log"));
}

bool is_open_nitro(const Listed& listed) {
  return listed.state.backend == Backend::nitro && !listed.state.ended_at;
}

std::string_view state_name(const Listed& listed, bool nitro_known) {
  if (is_open_nitro(listed)) return nitro_known ? "running" : "unknown";
  return listed.runner_alive ? "running" : "ended";
}

// What is recorded, after what ended unseen has been set right.
struct Overview {
  std::vector<Listed> enclaves;
  bool nitro_known = true;  // nitro-cli was asked which of its enclaves run.
};

// Detached enclaves of the nitro backend have no runner: nitro-cli knows which are left.
Status close_ended_nitro(std::vector<Listed>& enclaves, Timestamp now) {
  COFFERDAM_TRY(const run::NitroCli nitro, find_nitro());
  COFFERDAM_TRY(const std::vector<run::NitroEnclave> running, nitro.describe());
  for (Listed& listed : enclaves) {
    if (!is_open_nitro(listed)) continue;
    if (std::ranges::find(running, listed.state.id, &run::NitroEnclave::id) != running.end()) {
      continue;
    }
    listed.state.ended_at = now;
    COFFERDAM_CHECK(run::write_state(listed.folder, listed.state));
  }
  return {};
}

Result<Overview> survey(const run::Registry& registry) {
  const Timestamp now = SystemClock().now();
  COFFERDAM_CHECK(registry.tidy(now, now - kRememberEnded));
  COFFERDAM_CHECK(
      run::UnpackedTree::remove_stale(run::scratch_folder(), run::UserMap::for_this_process()));
  Overview out;
  COFFERDAM_TRY(out.enclaves, registry.list());
  if (!std::ranges::any_of(out.enclaves, is_open_nitro)) return out;
  if (const Status asked = close_ended_nitro(out.enclaves, now); !asked) {
    print_error(asked.error(), "enclaves of the nitro backend are listed as recorded");
    out.nitro_known = false;
  }
  return out;
}

void print_table(const Overview& overview) {
  const auto cell = [](std::string_view text, int width) {
    std::cout << std::left << std::setw(width) << text << "  ";
  };
  const auto row = [&](std::string_view name, std::string_view state, std::string_view backend,
                       std::string_view started, std::string_view id) {
    cell(name, 20);
    cell(state, 8);
    cell(backend, 7);
    cell(started.substr(0, 19), 19);
    std::cout << id << '\n';
  };
  row("NAME", "STATE", "BACKEND", "STARTED", "ID");
  for (const Listed& listed : overview.enclaves) {
    row(listed.state.name, state_name(listed, overview.nitro_known),
        run::to_string(listed.state.backend), format_rfc3339(listed.state.started_at),
        listed.state.id);
  }
}

Result<Exit> list_enclaves(bool as_json) {
  COFFERDAM_TRY(const auto registry, run::Registry::open(run::runtime_folder()));
  COFFERDAM_TRY(const Overview overview, survey(registry));
  if (!as_json) {
    print_table(overview);
    return Exit::ok;
  }
  json::array out;
  for (const Listed& listed : overview.enclaves) {
    json::object one = run::to_json(listed.state);
    one["state"] = state_name(listed, overview.nitro_known);
    out.emplace_back(std::move(one));
  }
  std::cout << pretty_json(out);
  return Exit::ok;
}

struct StopOptions {
  std::string enclave;
  std::string timeout = "20s";
};

Status stop_nitro(const Listed& listed) {
  COFFERDAM_TRY(const run::NitroCli nitro, find_nitro());
  COFFERDAM_CHECK(nitro.terminate(listed.state.id));
  if (listed.runner_alive) return {};  // It sees the end and tidies up.
  run::EnclaveState state = listed.state;
  state.ended_at = SystemClock().now();
  return run::write_state(listed.folder, state);
}

Result<Exit> stop_enclave(const StopOptions& options) {
  COFFERDAM_TRY(const auto timeout, parse_duration(options.timeout));
  COFFERDAM_TRY(const auto registry, run::Registry::open(run::runtime_folder()));
  COFFERDAM_TRY(const Listed listed, registry.find(options.enclave));
  const bool running = listed.runner_alive || is_open_nitro(listed);
  if (!running) {
    COFFERDAM_CHECK(registry.forget(listed));
  } else if (listed.state.backend == Backend::nitro) {
    COFFERDAM_CHECK(stop_nitro(listed));
  } else {
    const Status stopped =
        run::stop_runner(listed.state, std::chrono::ceil<std::chrono::seconds>(timeout));
    // One that ended by itself meanwhile has been stopped as well.
    if (!stopped && stopped.error().code != Errc::not_found) {
      return std::unexpected(stopped.error());
    }
  }
  print_line(json::object{{"name", listed.state.name},
                          {"id", listed.state.id},
                          {"stopped", running},
                          {"forgotten", !running}});
  return Exit::ok;
}

struct ConsoleOptions {
  std::string enclave;
  bool follow = false;
};

// The lines were made safe to show when they were recorded.
Result<Exit> print_recorded(const run::Registry& registry, const Listed& listed, bool follow) {
  COFFERDAM_TRY(auto reader, run::ConsoleReader::open(listed.folder / "console.log"));
  while (true) {
    // Asked before reading, so that the last lines of one that ends are not missed.
    const auto now = registry.find(listed.state.id);
    const bool running = now && now->runner_alive;
    while (true) {
      COFFERDAM_TRY(const std::string text, reader.read_more());
      if (text.empty()) break;
      std::cout << text << std::flush;
    }
    if (!follow || !running) return Exit::ok;
    std::this_thread::sleep_for(kFollowPause);
  }
}

Result<Exit> stream_nitro(const Listed& listed) {
  if (!listed.state.debug_mode) {
    return fail(Errc::denied,
                "Nitro gives the console of enclaves in debug mode only; start it "
                "with --debug-mode");
  }
  COFFERDAM_TRY(const run::NitroCli nitro, find_nitro());
  COFFERDAM_TRY(Child program, nitro.console(listed.state.id));
  run::ConsoleLines lines([](std::string_view line) { std::cout << line << '\n' << std::flush; });
  std::array<std::uint8_t, 4096> buffer{};
  while (true) {
    const ssize_t got = read(program.output(), buffer.data(), buffer.size());
    if (got <= 0) break;
    lines.add(ByteView(buffer).first(static_cast<std::size_t>(got)));
  }
  lines.finish();
  return Exit::ok;
}

Result<Exit> show_console(const ConsoleOptions& options) {
  COFFERDAM_TRY(const auto registry, run::Registry::open(run::runtime_folder()));
  COFFERDAM_TRY(const Listed listed, registry.find(options.enclave));
  std::error_code error;
  const bool recorded = std::filesystem::exists(listed.folder / "console.log", error);
  if (listed.state.backend == Backend::nitro && !recorded) return stream_nitro(listed);
  return print_recorded(registry, listed, options.follow);
}

Exit finish(const Result<Exit>& done) {
  if (done) return *done;
  print_error(done.error());
  return exit_for(done.error());
}

}  // namespace

void add_run_commands(CLI::App& run, Exit& exit) {
  auto* list = run.add_subcommand("list", "What runs here, and what ended within the last day");
  const auto as_json = std::make_shared<bool>(false);
  list->add_flag("-j,--json", *as_json, "As one JSON array");
  list->callback([as_json, &exit] { exit = finish(list_enclaves(*as_json)); });

  auto* stop = run.add_subcommand("stop", "Stop an enclave, or forget one that has ended");
  const auto stop_options = std::make_shared<StopOptions>();
  stop->add_option("ENCLAVE", stop_options->enclave, "Name or id")->required();
  stop->add_option("--timeout", stop_options->timeout,
                   "process: how long /init may take before it is killed; default: 20s")
      ->type_name("DURATION");
  stop->callback([stop_options, &exit] { exit = finish(stop_enclave(*stop_options)); });

  auto* console = run.add_subcommand("console", "Show what an enclave printed");
  const auto console_options = std::make_shared<ConsoleOptions>();
  console->add_option("ENCLAVE", console_options->enclave, "Name or id")->required();
  console->add_flag("-f,--follow", console_options->follow, "Go on until it ends");
  console->callback([console_options, &exit] { exit = finish(show_console(*console_options)); });
}

}  // namespace cofferdam::cli
