// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "net/http_client.h"
#include "parent/disk_worker.h"
#include "parent/ledger_cursor.h"

namespace cofferdam::parent {

struct ForwardOptions {
  std::filesystem::path ledger;
  net::HttpClientOptions receiver;
  std::string target = "/";                     // Path and query there.
  std::chrono::milliseconds poll{1'000};        // Between two looks at a file that did not grow.
  std::chrono::milliseconds first_wait{1'000};  // After a failure; doubles up to the longest.
  std::chrono::milliseconds longest_wait{60'000};
};

struct ForwardCounts {
  std::uint64_t entries = 0;
  std::uint64_t failures = 0;
  std::uint64_t lag_bytes = 0;  // Stored and not taken by the receiver, when last looked.
};

// Passes the stored ledger on, batch after batch in its order, by POST of whole lines
// (application/x-ndjson) to a receiver that answers 2xx once it has them. A batch whose answer
// was lost is sent again: receivers drop what they have by ledger id and sequence.
//
// It reads the file with a thread of its own, so neither tunnels nor what is to be stored wait
// for it. One event loop, which must outlive this; what run() began must have ended, or never
// run again, before this goes.
class LedgerForward {
 public:
  explicit LedgerForward(ForwardOptions options);

  // Ends with the event loop.
  boost::asio::awaitable<void> run();

  const ForwardCounts& counts() const noexcept { return counts_; }

 private:
  Task<bool> forward_next();
  Task<void> post(std::string lines);
  std::chrono::milliseconds note_failure(const Error& error);
  void note_success();

  ForwardOptions options_;
  net::HttpClient receiver_;
  LedgerCursor cursor_;  // On the disk's thread.
  ForwardCounts counts_;
  std::chrono::milliseconds wait_{0};  // The longest that the last failure allowed; 0: no failure.
  DiskWorker disk_;
};

}  // namespace cofferdam::parent
