// SPDX-License-Identifier: Apache-2.0
#include "run/process_enclave.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "eif/reader.h"
#include "eif/verify.h"
#include "nsm/authority.h"
#include "nsm/module.h"
#include "nsm/server.h"
#include "run/heartbeat.h"
#include "run/limits.h"
#include "run/sandbox.h"
#include "run/signals.h"
#include "run/unpack.h"
#include "run/unpacked_tree.h"

namespace cofferdam::run {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMaxPatience = 24 * 60 * 60;

nsm::BootState boot_state(const eif::Measurements& measured, bool debug_mode) {
  nsm::BootState out;
  out.debug_mode = debug_mode;
  out.pcrs[0] = to_bytes(measured.pcr0);
  out.pcrs[1] = to_bytes(measured.pcr1);
  out.pcrs[2] = to_bytes(measured.pcr2);
  if (measured.pcr8) out.pcrs[8] = to_bytes(*measured.pcr8);
  return out;
}

void say_what_differs(const Unpacked& unpacked) {
  if (unpacked.devices > 0) {
    log::info(std::to_string(unpacked.devices) +
              " device files of the image are left out; /dev has null, zero, full, random and "
              "urandom");
  }
  if (unpacked.foreign_owners > 0) {
    log::warning(std::to_string(unpacked.foreign_owners) +
                 " files of the image belong to other users than root, and here all belong to one; "
                 "for others install newuidmap (package uidmap) and give this user ranges in "
                 "/etc/subuid and /etc/subgid, or run as root");
  }
}

std::chrono::seconds patience_of(const signalfd_siginfo& info) {
  if (info.ssi_code != SI_QUEUE) return ProcessEnclave::kPatience;
  return std::chrono::seconds(std::clamp(info.ssi_int, 0, kMaxPatience));
}

}  // namespace

struct ProcessEnclave::Impl {
  Impl(LaunchOptions options_, eif::Image image_, nsm::Authority authority_)
      : options(std::move(options_)), image(std::move(image_)), authority(std::move(authority_)) {}

  Status unpack();
  Status limit() const;
  void pass_signals();
  void watch_heartbeat(const Watcher& watcher);
  bool drain_console(ConsoleLines& console) const;
  int poll_timeout(const Watcher& watcher) const;
  std::optional<steady_clock::time_point> heartbeat_due(const Watcher& watcher) const;
  Status step(const Watcher& watcher);

  LaunchOptions options;
  std::optional<eif::Image> image;  // Until it is unpacked.
  nsm::Authority authority;
  eif::Measurements measured;
  UserMap users = UserMap::for_this_process();
  UniqueFd signals;
  std::unique_ptr<nsm::Module> module;
  std::string module_id;
  std::optional<MemoryGroup> memory;  // These three outlive the sandbox.
  std::optional<UnpackedTree> tree;
  std::optional<Heartbeat> heartbeat;
  std::unique_ptr<nsm::Server> server;
  std::unique_ptr<Sandbox> sandbox;
  steady_clock::time_point started;
  bool beaten = false;
  std::optional<steady_clock::time_point> kill_at;
  bool printing = true;
  std::optional<int> status;
  Ending ending;
};

ProcessEnclave::ProcessEnclave(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessEnclave::~ProcessEnclave() = default;

const std::string& ProcessEnclave::module_id() const noexcept { return impl_->module_id; }
const eif::Measurements& ProcessEnclave::measurements() const noexcept { return impl_->measured; }
const std::filesystem::path& ProcessEnclave::nsm_root() const noexcept {
  return impl_->authority.root_pem_path();
}

Result<std::unique_ptr<ProcessEnclave>> ProcessEnclave::prepare(LaunchOptions options,
                                                                const Clock& clock) {
  COFFERDAM_TRY(eif::Image image, eif::Image::open(options.image));
  if (options.memory_mib) {
    COFFERDAM_CHECK(check_memory(*options.memory_mib, image.bytes().size()));
  }
  eif::ImageExpectations expected;
  expected.at = clock.now();
  COFFERDAM_TRY(const eif::Measurements measured, eif::verify_image(image, expected));
  COFFERDAM_TRY(auto authority, nsm::Authority::open(options.nsm_folder, clock));
  const bool debug_mode = options.debug_mode;
  auto impl = std::make_unique<Impl>(std::move(options), std::move(image), std::move(authority));
  impl->measured = measured;
  COFFERDAM_TRY(nsm::Module module,
                nsm::Module::boot(impl->authority, clock, boot_state(measured, debug_mode)));
  impl->module = std::make_unique<nsm::Module>(std::move(module));
  impl->module_id = impl->module->identity().module_id();
  return std::unique_ptr<ProcessEnclave>(new ProcessEnclave(std::move(impl)));
}

Status ProcessEnclave::Impl::unpack() {
  COFFERDAM_CHECK(UnpackedTree::remove_stale(options.scratch_folder, users));
  COFFERDAM_TRY(auto made, UnpackedTree::create(options.scratch_folder, module_id, users));
  tree.emplace(std::move(made));
  COFFERDAM_CHECK(users.run_inside([this]() -> Status {
    const UnpackOptions how{.limits = {}, .keep_owners = users.has_other_users()};
    COFFERDAM_TRY(const Unpacked unpacked, unpack_ramdisks(*image, tree->root(), how));
    say_what_differs(unpacked);
    return {};
  }));
  image.reset();
  return {};
}

Status ProcessEnclave::Impl::limit() const {
  if (memory) COFFERDAM_CHECK(memory->add(sandbox->pid()));
  if (options.cpus) COFFERDAM_CHECK(pin_to_cpus(sandbox->pid(), *options.cpus));
  return {};
}

Status ProcessEnclave::start(const std::filesystem::path& vsock_folder) {
  Impl& impl = *impl_;
  if (impl.options.memory_mib) {
    COFFERDAM_TRY(auto group, MemoryGroup::create(impl.module_id, *impl.options.memory_mib));
    impl.memory.emplace(std::move(group));
  }
  COFFERDAM_CHECK(impl.unpack());
  COFFERDAM_TRY(impl.signals, watch_signals());
  COFFERDAM_TRY(
      Sandbox sandbox,
      Sandbox::create({.root = impl.tree->root(), .vsock_dir = vsock_folder, .users = impl.users}));
  impl.sandbox = std::make_unique<Sandbox>(std::move(sandbox));
  COFFERDAM_CHECK(impl.limit());
  COFFERDAM_TRY(auto heartbeat, Heartbeat::listen(vsock_folder / "heartbeat.sock"));
  impl.heartbeat.emplace(std::move(heartbeat));
  COFFERDAM_TRY(impl.server, nsm::Server::start(vsock_folder / "nsm.sock", *impl.module));
  impl.started = steady_clock::now();
  return impl.sandbox->release();
}

void ProcessEnclave::Impl::pass_signals() {
  signalfd_siginfo info{};
  while (read(signals.get(), &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) continue;
    if (kill_at) {
      kill(sandbox->pid(), SIGKILL);
    } else {
      kill(sandbox->pid(), signal == SIGHUP ? SIGTERM : signal);
      kill_at = steady_clock::now() + patience_of(info);
    }
  }
  if (kill_at && steady_clock::now() >= *kill_at) kill(sandbox->pid(), SIGKILL);
}

std::optional<steady_clock::time_point> ProcessEnclave::Impl::heartbeat_due(
    const Watcher& watcher) const {
  if (beaten || !watcher.heartbeat_limit) return std::nullopt;
  return started + *watcher.heartbeat_limit;
}

void ProcessEnclave::Impl::watch_heartbeat(const Watcher& watcher) {
  const auto due = heartbeat_due(watcher);
  if (due && steady_clock::now() >= *due) {
    ending.no_heartbeat = true;
    beaten = true;  // Killed once.
    kill(sandbox->pid(), SIGKILL);
  }
}

int ProcessEnclave::Impl::poll_timeout(const Watcher& watcher) const {
  std::optional<steady_clock::time_point> next = kill_at;
  const auto due = heartbeat_due(watcher);
  if (due && (!next || *due < *next)) next = due;
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

// One read; false at the end.
bool ProcessEnclave::Impl::drain_console(ConsoleLines& console) const {
  std::array<std::uint8_t, 4096> buffer{};
  const ssize_t got = read(sandbox->console(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  console.add(ByteView(buffer).first(static_cast<std::size_t>(got)));
  return got > 0;
}

Status ProcessEnclave::Impl::step(const Watcher& watcher) {
  std::array<pollfd, 3> ready{pollfd{printing ? sandbox->console() : -1, POLLIN, 0},
                              pollfd{signals.get(), POLLIN, 0}, pollfd{heartbeat->fd(), POLLIN, 0}};
  if (poll(ready.data(), ready.size(), poll_timeout(watcher)) < 0 && errno != EINTR) {
    return fail(Errc::internal, "poll: " + errno_text(errno));
  }
  if (ready[0].revents != 0) printing = drain_console(*watcher.console);
  if (ready[2].revents != 0 && heartbeat->handle() && !std::exchange(beaten, true)) {
    const auto after = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started);
    if (watcher.on_heartbeat) watcher.on_heartbeat(after);
  }
  if (status) return {};
  pass_signals();
  watch_heartbeat(watcher);
  COFFERDAM_TRY(status, sandbox->poll_exit());
  return {};
}

Result<Ending> ProcessEnclave::wait(const Watcher& watcher) {
  Impl& impl = *impl_;
  // The pipe ends when the last process in there has ended, and with PID 1 all of them do.
  while (impl.printing || !impl.status) COFFERDAM_CHECK(impl.step(watcher));
  watcher.console->finish();
  impl.ending.status = *impl.status;
  impl.ending.out_of_memory = impl.memory && impl.memory->exceeded();
  if (!impl.beaten && watcher.heartbeat_limit) impl.ending.no_heartbeat = true;
  return impl.ending;
}

}  // namespace cofferdam::run
