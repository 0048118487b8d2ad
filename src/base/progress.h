// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cofferdam {

// One line on standard error for a step that may take long: what, bytes done, of how many,
// rate; drawn over itself a few times a second and wiped at the end. Silent where standard error
// is no terminal, and for steps that end within a moment.
class Progress {
 public:
  // `total` 0: not known.
  Progress(std::string what, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` bytes so far; cheap enough to be called for each piece.
  void update(std::uint64_t done) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What that line says: "reading a.tar: 1.5 GiB of 4.0 GiB, 512.0 MiB/s".
std::string progress_line(std::string_view what, std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> elapsed);

}  // namespace cofferdam
