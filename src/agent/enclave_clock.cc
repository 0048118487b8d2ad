// SPDX-License-Identifier: Apache-2.0
#include "agent/enclave_clock.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace cofferdam::agent {
namespace {

std::chrono::milliseconds boot_time() {
  timespec now{};
  // Every Linux has this clock; an agent whose time stands still must not go on.
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) std::abort();
  return std::chrono::seconds(now.tv_sec) + std::chrono::milliseconds(now.tv_nsec / 1'000'000);
}

}  // namespace

EnclaveClock::EnclaveClock() : EnclaveClock(boot_time) {}

Timestamp EnclaveClock::now() const {
  const std::scoped_lock lock(mutex_);
  return now_locked();
}

Timestamp EnclaveClock::now_locked() const {
  if (!anchor_) return Timestamp{};
  // A timer that goes backwards would be a broken platform; time stands still instead.
  return *anchor_ + std::max(ticks_() - anchored_at_, std::chrono::milliseconds(0));
}

void EnclaveClock::observe(Timestamp verified) {
  const std::scoped_lock lock(mutex_);
  const Timestamp here = now_locked();
  if (anchor_ && verified <= here) return;
  if (anchor_) correction_ = verified - here;
  anchor_ = verified;
  anchored_at_ = ticks_();
}

std::chrono::milliseconds EnclaveClock::last_correction() const {
  const std::scoped_lock lock(mutex_);
  return correction_;
}

}  // namespace cofferdam::agent
