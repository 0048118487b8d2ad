// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/process_spec.h"
#include "base/file.h"
#include "base/result.h"

namespace cofferdam::agent {

// The file system of the workload, seen from the agent: the folder that becomes its root.
//
// An image is measured but its authors did not think of us, so no symbolic link of it is
// followed here: what looks like /etc in there would be our /etc.
class WorkloadRoot {
 public:
  // Opens the folder and makes it fit to live in: binds /proc, /sys and /dev, and puts empty
  // file systems on /run and /tmp unless the image has something there; writes /etc/hosts if
  // it is empty. Does nothing for "/", which prepare_machine() has made. A mount that fails
  // is logged; a folder that is not one is `root_unusable`.
  static Result<WorkloadRoot> prepare(std::string path);
  // The folder as it is.
  static Result<WorkloadRoot> open(std::string path);

  // Sets the extended attributes of `spec`, which the ramdisks could not carry. A file
  // capability that the file system or the user namespace cannot hold is logged and left
  // out, since that only takes a right away; any other failure is `attribute_not_set`.
  Status apply(const ProcessSpec& spec) const;

  // Makes the folders above `path`, and returns `path` as seen from here.
  Result<std::string> place_for(const std::string& path) const;
  // Makes the folders above `path`, and opens the last of them.
  Result<UniqueFd> folder_for(const std::string& path) const;

  // Gives the socket at `place` to the workload's user, and to nobody else. Reason
  // `user_not_mapped` where that user does not exist here.
  static Status hand_over(const std::string& place, const ProcessSpec& spec);

 private:
  WorkloadRoot(std::string path, UniqueFd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}

  void mount_inside() const;
  bool make_folder(const char* name, mode_t mode) const;

  std::string path_;
  UniqueFd folder_;
};

}  // namespace cofferdam::agent
