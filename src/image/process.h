// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/process_spec.h"
#include "base/result.h"
#include "image/container.h"
#include "image/tree.h"

namespace cofferdam::image {

// What the builder of an image says otherwise than the container.
struct ProcessOverrides {
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::vector<std::string> env;
  std::optional<std::string> working_dir;
  std::optional<std::string> user;
  std::optional<std::string> stop_signal;
};

// How a container's process starts, as container runtimes would start it: ENTRYPOINT and
// then CMD, where an ENTRYPOINT of the builder's own drops the container's CMD (as `docker
// run --entrypoint` does); ENV with the usual PATH if it has none, and HOME as the user's
// line in /etc/passwd says; USER by accounts.h. `args` is empty where nothing says what to
// run: agent.toml may. `root` and `attributes` are left to image/layout.h.
//
// Errc::invalid_input: `unknown_user`; `malformed` for a relative WORKDIR, a signal nobody
// knows, and what agent::check_process_spec refuses.
Result<agent::ProcessSpec> make_process(const ContainerConfig& config,
                                        const ProcessOverrides& overrides, const FileTree& tree);

// `env` with the variables of `more`: each name once, in the place where it came first and
// with the value that came last.
std::vector<std::string> merge_env(const std::vector<std::string>& env,
                                   const std::vector<std::string>& more);

}  // namespace cofferdam::image
