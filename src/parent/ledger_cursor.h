// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "crypto/digest.h"

namespace cofferdam::parent {

// Whole lines of a ledger file, and where they end in it.
struct LedgerBatch {
  std::string text;  // Empty: there is nothing new.
  std::uint64_t lines = 0;
  std::uint64_t end = 0;
  std::uint64_t file_size = 0;  // When they were read.
};

// How far a ledger file was passed on, in LEDGER.forwarded beside it:
// {"offset":n,"tailSize":n,"tail":hex}. The tail is the SHA-256 of the last bytes passed on, by
// which a file that was replaced is told from one that grew: it is read from its start.
//
// Waits for the disk. For one thread, beside a writer that only appends.
class LedgerCursor {
 public:
  static constexpr std::size_t kMaxBatch = std::size_t{256} * 1024;

  // Nothing is read before the first call.
  explicit LedgerCursor(std::filesystem::path ledger);

  // What comes next, at most kMaxBatch; a line without its end is not there yet. Again the same
  // until advance(). Errc::unavailable; Errc::invalid_input for a line longer than a batch.
  Result<LedgerBatch> next();

  // Passed on. Where that cannot be written down (Errc::unavailable), this object still goes on
  // behind the batch, and only the next one begins with it again.
  Status advance(const LedgerBatch& batch);

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::size_t tail_size = 0;
    crypto::Sha256 tail{};
  };

  void restore();
  Result<Place> read_place() const;
  Result<std::uint64_t> find_place(int fd);
  Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size) const;

  std::filesystem::path ledger_;
  std::filesystem::path file_;
  Place place_;
  bool restored_ = false;
};

}  // namespace cofferdam::parent
