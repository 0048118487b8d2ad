// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "net/endpoint.h"

namespace cofferdam::parent {

// What systemd tells a service it started, and hears from it: sd_notify(3), sd_listen_fds(3)
// and sd_watchdog_enabled(3), spoken without its library. Started by anybody else, it has
// nothing to tell and nobody listens.
class ServiceManager {
 public:
  using Environment = std::function<const char*(const char* name)>;

  // Takes over the descriptors of LISTEN_FDS, where LISTEN_PID is this process.
  explicit ServiceManager(const Environment& environment);

  // Such as "READY=1" or "STOPPING=1". Errc::unavailable where somebody should listen and
  // does not.
  Status notify(std::string_view state) const;

  // How often to notify "WATCHDOG=1": half of what is allowed.
  std::optional<std::chrono::microseconds> watchdog_interval() const noexcept { return watchdog_; }

  // The inherited socket that listens there, once.
  UniqueFd take_socket(const net::Endpoint& endpoint);

 private:
  std::string notify_socket_;
  std::optional<std::chrono::microseconds> watchdog_;
  std::vector<UniqueFd> sockets_;
};

}  // namespace cofferdam::parent
