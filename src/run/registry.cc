// SPDX-License-Identifier: Apache-2.0
#include "run/registry.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <system_error>

#include "base/byte_view.h"
#include "run/places.h"

namespace cofferdam::run {
namespace {

constexpr std::size_t kMaxStateSize = std::size_t{64} * 1024;
constexpr int kMaxCopies = 1000;

// The lock of an enclave's folder, or nothing if somebody holds it.
Result<std::optional<UniqueFd>> try_lock(const std::filesystem::path& folder) {
  UniqueFd fd(open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return fail(Errc::unavailable,
                "cannot open the lock of " + folder.string() + ": " + errno_text(errno));
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional(std::move(fd));
  if (errno == EWOULDBLOCK) return std::optional<UniqueFd>();
  return fail(Errc::unavailable, "cannot lock " + folder.string() + ": " + errno_text(errno));
}

Result<Listed> read_entry(const std::filesystem::path& folder) {
  COFFERDAM_TRY(const std::string text, read_text_file(folder / "state.json", kMaxStateSize));
  Listed out{.folder = folder, .state = {}, .runner_alive = false};
  COFFERDAM_TRY(out.state, parse_state(text));
  if (out.state.id != folder.filename()) {
    return fail(Errc::invalid_input, folder.string() + " holds another enclave's state");
  }
  COFFERDAM_TRY(const auto lock, try_lock(folder));
  out.runner_alive = !lock.has_value();
  return out;
}

void remove_folder(const std::filesystem::path& folder) noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

bool has_ended(const Listed& listed) {
  if (listed.runner_alive) return false;
  return listed.state.ended_at.has_value() || listed.state.backend == Backend::process;
}

}  // namespace

Status write_state(const std::filesystem::path& folder, const EnclaveState& state) {
  const std::string text = json::serialize(to_json(state)) + "\n";
  return write_file_atomic(folder / "state.json", as_bytes(text), 0600);
}

Status Claim::save(EnclaveState state) {
  state_ = std::move(state);
  return write_state(folder_, state_);
}

void Claim::remove() noexcept { remove_folder(folder_); }

Result<Registry> Registry::open(std::filesystem::path folder) {
  COFFERDAM_CHECK(make_own_folder(folder));
  return Registry(std::move(folder));
}

Result<std::vector<Listed>> Registry::list() const {
  std::error_code error;
  std::vector<Listed> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    if (!entry.is_directory(error) || entry.is_symlink(error)) continue;
    if (auto listed = read_entry(entry.path())) out.push_back(*std::move(listed));
  }
  if (error) {
    return fail(Errc::unavailable, "cannot list " + folder_.string() + ": " + error.message());
  }
  std::ranges::sort(out, [](const Listed& a, const Listed& b) {
    return std::pair(a.state.started_at, a.state.id) < std::pair(b.state.started_at, b.state.id);
  });
  return out;
}

Result<Listed> Registry::find(std::string_view name_or_id) const {
  COFFERDAM_TRY(std::vector<Listed> all, list());
  std::string names;
  // The latest of a name, should an ended one still be there.
  for (auto listed = all.rbegin(); listed != all.rend(); ++listed) {
    if (listed->state.id == name_or_id || listed->state.name == name_or_id) {
      return std::move(*listed);
    }
    names += (names.empty() ? "" : ", ") + listed->state.name;
  }
  return fail(Errc::not_found, "no enclave of that name or id; there " +
                                   (names.empty() ? std::string("is none") : "are: " + names));
}

Result<std::string> Registry::free_name(const EnclaveState& state,
                                        const std::optional<std::string>& name) const {
  COFFERDAM_TRY(const std::vector<Listed> all, list());
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::any_of(all, [&](const Listed& listed) {
      return listed.state.name == candidate && !has_ended(listed);
    });
  };
  if (name) {
    COFFERDAM_CHECK(check_name(*name));
    if (!taken(*name)) return *name;
    return fail(Errc::denied, "an enclave named " + *name + " runs already; choose another --name");
  }
  const std::string base = default_name(state.image);
  if (!taken(base)) return base;
  for (int copy = 1; copy < kMaxCopies; ++copy) {
    std::string candidate = base + "_" + std::to_string(copy);
    if (!taken(candidate)) return candidate;
  }
  return fail(Errc::unavailable, "too many enclaves are named " + base);
}

Result<Claim> Registry::claim(EnclaveState state, const std::optional<std::string>& name) {
  COFFERDAM_TRY([[maybe_unused]] const UniqueFd one_at_a_time, lock_folder(folder_));
  COFFERDAM_TRY(state.name, free_name(state, name));
  COFFERDAM_TRY(const std::vector<Listed> all, list());
  for (const Listed& listed : all) {
    if (listed.state.name == state.name && has_ended(listed)) remove_folder(listed.folder);
  }
  const std::filesystem::path folder = folder_ / state.id;
  if (mkdir(folder.c_str(), 0700) != 0) {
    return fail(Errc::unavailable, "cannot make " + folder.string() + ": " + errno_text(errno));
  }
  COFFERDAM_TRY(auto lock, try_lock(folder));
  if (!lock) return fail(Errc::internal, folder.string() + " is locked by somebody else");
  COFFERDAM_CHECK(write_state(folder, state));
  return Claim(folder, *std::move(lock), std::move(state));
}

Status Registry::tidy(Timestamp now, Timestamp before) const {
  COFFERDAM_TRY([[maybe_unused]] const UniqueFd one_at_a_time, lock_folder(folder_));
  COFFERDAM_TRY(std::vector<Listed> all, list());
  for (Listed& listed : all) {
    if (!has_ended(listed)) continue;
    if (!listed.state.ended_at) {
      listed.state.ended_at = now;
      COFFERDAM_CHECK(write_state(listed.folder, listed.state));
      remove_folder(listed.folder / "vsock");
    }
    if (*listed.state.ended_at < before) remove_folder(listed.folder);
  }
  return {};
}

Status Registry::forget(const Listed& listed) const {
  if (listed.runner_alive) return fail(Errc::denied, listed.state.name + " still runs");
  remove_folder(listed.folder);
  return {};
}

}  // namespace cofferdam::run
