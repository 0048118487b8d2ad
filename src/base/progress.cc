// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/printable.h"

namespace cofferdam {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::milliseconds(500);  // Shorter steps stay silent.
constexpr auto kInterval = std::chrono::milliseconds(200);
constexpr std::string_view kWipe = "\r\x1b[K";

// "812 kB", "3.4 GB".
std::string size_text(double bytes) {
  constexpr std::array kUnits{"bytes", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
                kUnits[unit]);
  return out.data();
}

// A terminal that cannot be written to is not worth an error.
void show(std::string_view text) {
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace

struct Progress::State {
  std::string line(std::uint64_t done, Clock::time_point now) const;

  std::string what;
  std::uint64_t total = 0;
  Clock::time_point begin = Clock::now();
  Clock::time_point next = begin + kPatience;
  bool drawn = false;
};

std::string Progress::State::line(std::uint64_t done, Clock::time_point now) const {
  const std::chrono::duration<double> elapsed = now - begin;
  std::string out = what + ": " + size_text(static_cast<double>(done));
  if (total > 0) out += " of " + size_text(static_cast<double>(total));
  return out + ", " + size_text(static_cast<double>(done) / elapsed.count()) + "/s";
}

Progress::Progress(std::string what, std::uint64_t total) {
  if (isatty(STDERR_FILENO) == 0) return;
  state_ = std::make_unique<State>(State{.what = printable(what), .total = total});
}

Progress::~Progress() {
  if (state_ != nullptr && state_->drawn) show(kWipe);
}

void Progress::update(std::uint64_t done) noexcept {
  if (state_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (now < state_->next) return;
  state_->next = now + kInterval;
  state_->drawn = true;
  show(std::string(kWipe) + state_->line(done, now));
}

}  // namespace cofferdam
