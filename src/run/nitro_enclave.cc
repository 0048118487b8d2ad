// SPDX-License-Identifier: Apache-2.0
#include "run/nitro_enclave.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <vector>

#include "base/log.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/verify.h"
#include "run/limits.h"
#include "run/signals.h"

namespace cofferdam::run {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kLeastMemoryMib = 512;

Result<std::optional<NitroEnclave>> find_enclave(const NitroCli& nitro, const std::string& id) {
  COFFERDAM_TRY(std::vector<NitroEnclave> all, nitro.describe());
  const auto found = std::ranges::find(all, id, &NitroEnclave::id);
  if (found == all.end()) return std::optional<NitroEnclave>();
  return std::optional(std::move(*found));
}

Status compare(const json::object& reported, const eif::Measurements& measured) {
  const json::object ours = eif::measurements_json(measured);
  for (const char* name : {"PCR0", "PCR1", "PCR2", "PCR8"}) {
    const json::value* const expected = ours.if_contains(name);
    const json::value* const found = reported.if_contains(name);
    const bool same =
        expected == nullptr ? found == nullptr : found != nullptr && *found == *expected;
    if (same) continue;
    return fail(Errc::unauthenticated, "pcr_mismatch",
                "nitro-cli measured another " + std::string(name) +
                    " than the image had when it was checked: the file was replaced meanwhile; "
                    "the enclave has been terminated");
  }
  return {};
}

Status check_measurements(const NitroCli& nitro, const std::string& id,
                          const eif::Measurements& measured) {
  COFFERDAM_TRY(const auto enclave, find_enclave(nitro, id));
  if (!enclave) {
    return fail(Errc::unavailable,
                "the enclave ended right after its start; run it with "
                "--debug-mode --attach-console to see why");
  }
  if (enclave->measurements) return compare(*enclave->measurements, measured);
  log::warning("this nitro-cli reports no measurements; what the enclave runs was not compared");
  return {};
}

// Waits for a signal to end, console output or the interval.
class NitroWatch {
 public:
  NitroWatch(const NitroCli& nitro, const std::string& id, ConsoleLines* console)
      : nitro_(nitro), id_(id), console_(console) {}

  Result<bool> run(std::chrono::milliseconds interval);

 private:
  Status start_console();
  Status wait(steady_clock::time_point until);
  bool signal_came() const;
  void read_console();

  const NitroCli& nitro_;
  const std::string& id_;
  ConsoleLines* console_;
  UniqueFd signals_;
  std::optional<Child> program_;
  bool terminated_ = false;
};

Status NitroWatch::start_console() {
  if (console_ == nullptr) return {};
  COFFERDAM_TRY(Child program, nitro_.console(id_));
  program_.emplace(std::move(program));
  return {};
}

void NitroWatch::read_console() {
  std::array<std::uint8_t, 4096> buffer{};
  const ssize_t got = read(program_->output(), buffer.data(), buffer.size());
  if (got > 0) {
    console_->add(ByteView(buffer).first(static_cast<std::size_t>(got)));
  } else {
    program_.reset();
  }
}

bool NitroWatch::signal_came() const {
  bool out = false;
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    out = out || info.ssi_signo != SIGCHLD;
  }
  return out;
}

Status NitroWatch::wait(steady_clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) return {};
    std::array<pollfd, 2> ready{pollfd{signals_.get(), POLLIN, 0},
                                pollfd{program_ ? program_->output() : -1, POLLIN, 0}};
    poll(ready.data(), ready.size(), static_cast<int>(left.count()));
    if (ready[1].revents != 0) read_console();
    if (ready[0].revents == 0 || !signal_came()) continue;
    terminated_ = true;
    return nitro_.terminate(id_);
  }
}

Result<bool> NitroWatch::run(std::chrono::milliseconds interval) {
  COFFERDAM_TRY(signals_, watch_signals());
  COFFERDAM_CHECK(start_console());
  while (true) {
    COFFERDAM_TRY(const auto enclave, find_enclave(nitro_, id_));
    if (!enclave) break;
    COFFERDAM_CHECK(wait(steady_clock::now() + interval));
  }
  if (console_ != nullptr) console_->finish();
  return terminated_;
}

}  // namespace

std::uint64_t default_nitro_memory_mib(std::uint64_t image_size) noexcept {
  return std::max(kLeastMemoryMib, minimum_memory_mib(image_size));
}

Result<eif::Measurements> judge_image(const NitroRequest& request, const Clock& clock) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(request.image));
  COFFERDAM_CHECK(check_memory(request.memory_mib, image.bytes().size()));
  eif::ImageExpectations expected;
  expected.at = clock.now();
  return eif::verify_image(image, expected);
}

Result<NitroEnclave> launch_nitro(const NitroCli& nitro, const NitroRequest& request,
                                  const eif::Measurements& measured) {
  COFFERDAM_TRY(NitroEnclave enclave, nitro.run(request));
  if (enclave.name.empty()) enclave.name = request.name;
  if (Status same = check_measurements(nitro, enclave.id, measured); !same) {
    if (const Status stopped = nitro.terminate(enclave.id); !stopped) {
      log::error("enclave " + enclave.id + " could not be terminated: " + stopped.error().detail);
    }
    return std::unexpected(std::move(same).error());
  }
  return enclave;
}

Result<bool> watch_nitro(const NitroCli& nitro, const std::string& id, ConsoleLines* console,
                         std::chrono::milliseconds interval) {
  return NitroWatch(nitro, id, console).run(interval);
}

}  // namespace cofferdam::run
