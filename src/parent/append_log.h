// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ledger/line_file.h"
#include "net/task.h"
#include "parent/disk_worker.h"

namespace cofferdam::parent {

// A file of lines that only grows. Lines that arrive while the disk is busy are written
// and synced together; each caller waits for its own.
//
// Must outlive its tasks; one thread and one event loop. Borrows the worker.
class AppendLog {
 public:
  // Makes the file, private to this user, where it is not there. Errc::unavailable.
  static Result<std::unique_ptr<AppendLog>> open(const std::filesystem::path& path,
                                                 DiskWorker& disk);

  // Returns once the line, to which an end of line is added, is on disk. Errc::unavailable
  // if that is not certain.
  Task<void> append(std::string line);

 private:
  struct Batch;

  AppendLog(ledger::LineFile file, DiskWorker& disk) : file_(std::move(file)), disk_(disk) {}
  boost::asio::awaitable<void> write_batches();

  ledger::LineFile file_;  // On the disk's thread.
  DiskWorker& disk_;
  std::shared_ptr<Batch> next_;  // What is not given to the disk yet.
  bool writing_ = false;
};

}  // namespace cofferdam::parent
