// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace cofferdam::agent {

// The last lines of a text that comes in pieces. Lines are cut to kMaxLine bytes, and what
// is not printable ASCII becomes '?': they end up in other people's logs.
class LastLines {
 public:
  static constexpr std::size_t kMaxLine = 200;

  explicit LastLines(std::size_t most) : most_(most) {}

  void add(std::string_view text);
  std::vector<std::string> lines() const;  // Oldest first, with an unfinished last one.

 private:
  void end_line();

  std::size_t most_;
  std::vector<std::string> lines_;
  std::string open_;
};

// Stands between a workload and the console: passes everything on and keeps the last lines.
// Exists only where the measured configuration asks for the lines to be reported, because
// what a workload prints in its distress then leaves the enclave.
//
// For one thread. Borrows the console's descriptor.
class OutputTail {
 public:
  static Result<OutputTail> create(boost::asio::any_io_executor executor, int console,
                                   std::size_t most_lines);

  // Where the workload writes; the tail reads until every copy is closed.
  int writing_end() const noexcept { return writing_.get(); }
  // Reads what is there without waiting, then what was kept.
  std::vector<std::string> last_lines();

 private:
  struct Reader;
  OutputTail(std::shared_ptr<Reader> reader, UniqueFd writing)
      : reader_(std::move(reader)), writing_(std::move(writing)) {}

  std::shared_ptr<Reader> reader_;
  UniqueFd writing_;
};

}  // namespace cofferdam::agent
