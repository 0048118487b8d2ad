// SPDX-License-Identifier: Apache-2.0
#include "run/process_enclave.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "eif/reader.h"
#include "eif/verify.h"
#include "nsm/authority.h"
#include "nsm/module.h"
#include "nsm/server.h"
#include "run/sandbox.h"
#include "run/unpack.h"

namespace cofferdam::run {
namespace {

constexpr std::chrono::seconds kPatience{15};

// A private folder that goes away with its content.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make() {
    std::string name = (std::filesystem::temp_directory_path() / "cofferdam-run-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return fail(Errc::unavailable,
                  "cannot make a folder like " + name + ": " + errno_text(errno));
    }
    return TemporaryFolder(std::move(name));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

sigset_t watched_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int one : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&out, one);
  return out;
}

// Signals as something to poll. Threads started later inherit the mask.
Result<UniqueFd> watch_signals() {
  const sigset_t set = watched_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return fail(Errc::unavailable, "signalfd: " + errno_text(errno));
  return fd;
}

nsm::BootState boot_state(const eif::Measurements& measured, bool debug_mode) {
  nsm::BootState out;
  out.debug_mode = debug_mode;
  out.pcrs[0] = to_bytes(measured.pcr0);
  out.pcrs[1] = to_bytes(measured.pcr1);
  out.pcrs[2] = to_bytes(measured.pcr2);
  if (measured.pcr8) out.pcrs[8] = to_bytes(*measured.pcr8);
  return out;
}

}  // namespace

struct ProcessEnclave::Impl {
  Impl(nsm::Authority authority_, TemporaryFolder tree_)
      : authority(std::move(authority_)), tree(std::move(tree_)) {}

  void pass_signals();
  bool drain_console(ConsoleLines& console) const;
  int poll_timeout() const;

  nsm::Authority authority;
  TemporaryFolder tree;
  eif::Measurements measured;
  UniqueFd signals;
  std::unique_ptr<nsm::Module> module;
  std::unique_ptr<nsm::Server> server;
  std::unique_ptr<Sandbox> sandbox;  // Dies before its module does.
  std::string module_id;
  std::optional<std::chrono::steady_clock::time_point> kill_at;
};

ProcessEnclave::ProcessEnclave(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessEnclave::~ProcessEnclave() = default;

const std::string& ProcessEnclave::module_id() const noexcept { return impl_->module_id; }
const eif::Measurements& ProcessEnclave::measurements() const noexcept { return impl_->measured; }

Result<std::unique_ptr<ProcessEnclave>> ProcessEnclave::launch(const LaunchOptions& options,
                                                               const Clock& clock) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(options.image));
  eif::ImageExpectations expected;
  expected.at = clock.now();
  COFFERDAM_TRY(const eif::Measurements measured, eif::verify_image(image, expected));
  COFFERDAM_TRY(auto authority, nsm::Authority::open(options.nsm_folder, clock));
  COFFERDAM_TRY(auto tree, TemporaryFolder::make());
  COFFERDAM_CHECK(unpack_ramdisks(image.ramdisks(), tree.path()));

  auto impl = std::make_unique<Impl>(std::move(authority), std::move(tree));
  impl->measured = measured;
  COFFERDAM_TRY(impl->signals, watch_signals());
  COFFERDAM_TRY(Sandbox sandbox,
                Sandbox::create({.root = impl->tree.path(), .vsock_dir = options.vsock_folder}));
  impl->sandbox = std::make_unique<Sandbox>(std::move(sandbox));
  COFFERDAM_TRY(nsm::Module module, nsm::Module::boot(impl->authority, clock,
                                                      boot_state(measured, options.debug_mode)));
  impl->module = std::make_unique<nsm::Module>(std::move(module));
  impl->module_id = impl->module->identity().module_id();
  COFFERDAM_TRY(impl->server, nsm::Server::start(options.vsock_folder / "nsm.sock", *impl->module));
  COFFERDAM_CHECK(impl->sandbox->release());
  return std::unique_ptr<ProcessEnclave>(new ProcessEnclave(std::move(impl)));
}

void ProcessEnclave::Impl::pass_signals() {
  signalfd_siginfo info{};
  while (read(signals.get(), &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) continue;
    if (kill_at) {
      kill(sandbox->pid(), SIGKILL);
    } else {
      kill(sandbox->pid(), signal);
      kill_at = std::chrono::steady_clock::now() + kPatience;
    }
  }
  if (kill_at && std::chrono::steady_clock::now() >= *kill_at) kill(sandbox->pid(), SIGKILL);
}

int ProcessEnclave::Impl::poll_timeout() const {
  if (!kill_at) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      *kill_at - std::chrono::steady_clock::now());
  return left.count() <= 0 ? 0 : static_cast<int>(left.count()) + 1;
}

// One read; false at the end.
bool ProcessEnclave::Impl::drain_console(ConsoleLines& console) const {
  std::array<std::uint8_t, 4096> buffer{};
  const ssize_t got = read(sandbox->console(), buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  console.add(ByteView(buffer).first(static_cast<std::size_t>(got)));
  return got > 0;
}

Result<int> ProcessEnclave::wait(ConsoleLines& console) {
  bool printing = true;
  std::optional<int> status;
  // The pipe ends when the last process in there has ended, and with PID 1 all of them do.
  while (printing || !status) {
    std::array<pollfd, 2> ready{pollfd{printing ? impl_->sandbox->console() : -1, POLLIN, 0},
                                pollfd{impl_->signals.get(), POLLIN, 0}};
    if (poll(ready.data(), ready.size(), impl_->poll_timeout()) < 0 && errno != EINTR) {
      return fail(Errc::internal, "poll: " + errno_text(errno));
    }
    if (ready[0].revents != 0) printing = impl_->drain_console(console);
    if (status) continue;
    impl_->pass_signals();
    COFFERDAM_TRY(status, impl_->sandbox->poll_exit());
  }
  console.finish();
  return *status;
}

}  // namespace cofferdam::run
