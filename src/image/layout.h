// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/process_spec.h"
#include "base/result.h"
#include "image/tree.h"

// Where things are in an image. Two ramdisks, which the kernel unpacks over each other:
//
//   boot          dev/, init, nsm.ko: nothing of the application, so that PCR1 names the
//                 kernel, its command line and the agent, whatever they start
//   application   etc/cofferdam/ (agent.toml, what it names, process.json) and the
//                 container under rootfs/, which becomes the workload's root
//
// So nothing in a container can stand in the place of our own files, and the workload
// never sees them. Owners, modes and times of our own files do not depend on the machine.
namespace cofferdam::image {

// The folder of the application ramdisk that holds the container.
inline constexpr std::string_view kRootfs = "rootfs";

// The boot ramdisk; AWS's own has the same entries. Without a path there is no module.
// Errc::not_found or Errc::unavailable for a file that cannot be read.
Result<FileTree> make_boot_tree(const std::filesystem::path& init,
                                const std::optional<std::filesystem::path>& nsm_module);

struct ApplicationParts {
  FileTree rootfs;
  // How the workload starts. `root` and `attributes` are filled in.
  agent::ProcessSpec process;
  // The folder that becomes /etc/cofferdam. Without it the container's own is moved there.
  std::optional<std::filesystem::path> config;
  // The agent does not start without its configuration; another init may.
  bool needs_config = true;
};

struct Application {
  FileTree tree;
  std::optional<agent::MeasuredConfig> config;  // As the agent will measure it (PCR16).
  std::vector<std::string> notes;               // What a careful user wants to know.
};

// The application ramdisk. What the agent would refuse at boot is refused here:
// a broken agent.toml, a file it names that is not there, nothing to run (`no_command`).
// Also `conflict`: something of the user's in the place of process.json or of a folder the
// agent mounts over; `unsupported`: anything but files and folders in /etc/cofferdam.
// Otherwise the container is left as it is: what a runtime would provide, such as /proc and
// a name for localhost, the agent provides when it starts.
Result<Application> make_application(ApplicationParts parts);

}  // namespace cofferdam::image
