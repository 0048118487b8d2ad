// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace cofferdam::agent {

// The time an enclave may believe: what the Nitro Secure Module stamped into a verified
// document, plus what the kernel's timer counted since then. Neither the parent's time nor
// the kernel's wall clock (kvm-clock, which the host steers) enters; the timer is only
// ever used as a difference. The result is a lower bound that never goes back: reading a
// document takes time, and that time is counted only once.
//
// Until the first document is observed now() is the epoch, at which no certificate is
// valid. Safe for concurrent use.
class EnclaveClock final : public Clock {
 public:
  // Time since some fixed moment, going on while the machine sleeps.
  using Ticks = std::function<std::chrono::milliseconds()>;

  EnclaveClock();  // CLOCK_BOOTTIME
  explicit EnclaveClock(Ticks ticks) : ticks_(std::move(ticks)) {}

  Timestamp now() const override;

  // Moves the clock forward to a verified document's timestamp; an older one changes nothing.
  void observe(Timestamp verified);

  // How far the last observed document lay ahead of this clock: how much the timer lags.
  std::chrono::milliseconds last_correction() const;

 private:
  Timestamp now_locked() const;

  Ticks ticks_;
  mutable std::mutex mutex_;
  std::optional<Timestamp> anchor_;
  std::chrono::milliseconds anchored_at_{0};
  std::chrono::milliseconds correction_{0};
};

}  // namespace cofferdam::agent
