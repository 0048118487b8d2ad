// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "net/endpoint.h"
#include "net/task.h"

// For tests only.
namespace cofferdam::net::testing {

// What goes wrong with one connection, where, and for which of its bytes. Positions count the
// bytes of one direction from zero, so a fault hits the same byte every time.
struct Fault {
  enum class Kind : std::uint8_t {
    none,
    refuse,     // Reset before a byte, without a connection to the target.
    truncate,   // The bytes before `at` arrive, then both sides end in an orderly way.
    reset,      // The bytes before `at` arrive, or fewer, then both sides are reset.
    delay,      // What begins at `at` waits for `delay`.
    drop,       // `size` bytes from `at` on are left out; by default all: a silent peer.
    duplicate,  // `size` bytes from `at` on arrive, and then once more.
    corrupt,    // The lowest bit of the byte at `at` is flipped.
  };
  enum class Direction : std::uint8_t { to_target, to_client };

  static constexpr std::uint64_t kToTheEnd = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::none;
  Direction direction = Direction::to_client;
  std::uint64_t at = 0;
  std::uint64_t size = kToTheEnd;
  std::chrono::milliseconds delay{0};
};

// A bad network: carries connections to a target and breaks them as told.
//
// The nth connection suffers the nth fault of the plan; those after the plan suffer
// `afterwards`, by default nothing. To reorder two messages, delay the first connection
// and let the second pass. Runs on `executor`, one thread; plan() and the counts may be
// used from any thread. Destroy it after drain(), or after the event loop.
class FaultRelay {
 public:
  FaultRelay(boost::asio::any_io_executor executor, Endpoint target);
  FaultRelay(const FaultRelay&) = delete;
  FaultRelay& operator=(const FaultRelay&) = delete;
  ~FaultRelay();

  // Call on the executor's thread; returns the endpoint with the actual port.
  Result<Endpoint> listen(const Endpoint& endpoint);

  // Replaces the plan; the next connection takes its first fault.
  void plan(std::vector<Fault> faults, Fault afterwards = {});

  // Connections that arrived since the relay began, refused ones too.
  std::size_t connections() const noexcept;

  // Takes no more connections and cuts off those under way.
  Task<void> drain();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::net::testing
