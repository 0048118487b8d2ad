// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/printable.h"

namespace cofferdam {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Clock::duration kMoment = std::chrono::milliseconds(500);
constexpr Clock::duration kBetweenLines = std::chrono::milliseconds(200);
constexpr std::string_view kWipe = "\r\033[K";

// "1.5 GiB"
std::string amount(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text.data();
}

// A terminal that is gone is nobody's loss.
void show(std::string_view text) noexcept {
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string progress_line(std::string_view what, std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> elapsed) {
  std::string out = printable(what) + ": " + amount(static_cast<double>(done));
  if (total > 0) out += " of " + amount(static_cast<double>(std::max(done, total)));
  if (elapsed.count() > 0) out += ", " + amount(static_cast<double>(done) / elapsed.count()) + "/s";
  return out;
}

struct Progress::State {
  std::string what;
  std::uint64_t total;
  Clock::time_point start = Clock::now();
  Clock::time_point next_line = start + kMoment;
  bool drawn = false;
};

Progress::Progress(std::string what, std::uint64_t total) {
  if (isatty(STDERR_FILENO) == 1) {
    state_ = std::make_unique<State>(State{.what = std::move(what), .total = total});
  }
}

Progress::~Progress() {
  if (state_ && state_->drawn) show(kWipe);
}

void Progress::update(std::uint64_t done) noexcept {
  if (!state_) return;
  const Clock::time_point now = Clock::now();
  if (now < state_->next_line) return;
  state_->next_line = now + kBetweenLines;
  state_->drawn = true;
  show(std::string(kWipe) + progress_line(state_->what, done, state_->total, now - state_->start));
}

}  // namespace cofferdam
