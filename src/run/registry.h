// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "run/state.h"

namespace cofferdam::run {

// The runner's side of one enclave's folder: state.json, console.log, vsock/. Its lock is
// held until this object dies, with the process at the latest, so that whether a runner
// lives is a fact of the kernel and not of a file. Move-only.
class Claim {
 public:
  const std::filesystem::path& folder() const noexcept { return folder_; }
  std::filesystem::path console() const { return folder_ / "console.log"; }
  const EnclaveState& state() const noexcept { return state_; }

  // Replaces state.json in one step.
  Status save(EnclaveState state);
  // For what nobody will ask for again: a foreground run that has ended.
  void remove() noexcept;

 private:
  friend class Registry;
  Claim(std::filesystem::path folder, UniqueFd lock, EnclaveState state)
      : folder_(std::move(folder)), lock_(std::move(lock)), state_(std::move(state)) {}

  std::filesystem::path folder_;
  UniqueFd lock_;
  EnclaveState state_;
};

// One enclave as others see it.
struct Listed {
  std::filesystem::path folder;
  EnclaveState state;
  bool runner_alive = false;
};

// The runtime folder: one folder per enclave, named by its id. Several processes may use
// it at once. A folder without a readable state.json or with a foreign name is nobody's
// enclave, and is left alone.
class Registry {
 public:
  // Makes the folder if there is none; see make_own_folder().
  static Result<Registry> open(std::filesystem::path folder);

  // Makes the folder of an enclave. `name` must not belong to one that runs (Errc::denied);
  // nothing: the image's name, with a number behind it if that is taken. What is left of an
  // ended enclave of the name goes away.
  Result<Claim> claim(EnclaveState state, const std::optional<std::string>& name);

  // Oldest first.
  Result<std::vector<Listed>> list() const;
  // By name or id. Errc::not_found with the names there are.
  Result<Listed> find(std::string_view name_or_id) const;

  // Removes enclaves that ended before `before`, and says "ended" of those whose runner is
  // gone. Enclaves of the nitro backend need no runner and are left alone.
  Status tidy(Timestamp now, Timestamp before) const;
  Status forget(const Listed& listed) const;

 private:
  explicit Registry(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<std::string> free_name(const EnclaveState& state,
                                const std::optional<std::string>& name) const;

  std::filesystem::path folder_;
};

// Writes a state into an enclave's folder; for those that are not its runner.
Status write_state(const std::filesystem::path& folder, const EnclaveState& state);

}  // namespace cofferdam::run
