// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/gate.h"
#include "agent/secret_service.h"
#include "agent/workload_root.h"

namespace cofferdam::agent {

// Puts a secret into a file of the workload's root, in one step: a reader sees the old
// content or the new one, and a program that keeps the file open goes on with the old one.
//
// Folders on the way are made where they are missing (root's, 0755) and no symbolic link is
// followed, now or when the workload runs. The file system must be one in memory. Owner and
// mode are set before the name appears. Reasons `file_not_written` and `user_not_mapped`.
Status replace_secret_file(const WorkloadRoot& root, const FileSpec& spec, const Secret& content);

// The [[file]] entries of the measured configuration.
//
// For one thread. Borrows everything in Parts.
class SecretFiles {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    Gate& gate;
    const WorkloadRoot& root;
  };
  explicit SecretFiles(Parts parts) : parts_(parts) {}

  // Fetches each secret and writes its files: before the workload starts. The policy is
  // asked with kind "file" and without a peer. The first failure ends it.
  Task<void> deliver();

  // Writes the files of one secret again, as after a rotation.
  Task<void> replace(std::string secret);

 private:
  Task<void> deliver_one(const FileSpec* spec);

  Parts parts_;
};

}  // namespace cofferdam::agent
