// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/byte_view.h"

namespace cofferdam {

// Overwrites bytes in a way the compiler may not remove.
void wipe(std::span<std::uint8_t> bytes) noexcept;

// Compares in time that depends on the lengths only.
bool equal_constant_time(ByteView a, ByteView b) noexcept;

// Owns secret bytes: locked in memory where the limit allows, left out of core
// dumps, wiped on fork, and wiped when the Secret dies, is reassigned or moved from.
//
// Move-only: a copy is a second place to wipe, so it must be asked for with
// clone(). Comparison takes constant time for equal lengths; the length itself
// is not secret. There is no stream operator, no conversion to string and no
// ordering, so a secret cannot reach a log by accident. The size is fixed at
// construction: growing would leave an unwiped copy behind.
class Secret {
 public:
  Secret() noexcept = default;

  // A zero-filled secret to be written through reveal_mut().
  explicit Secret(std::size_t size);

  // Takes the bytes and wipes the source.
  static Secret take(std::span<std::uint8_t> source);

  // Copies bytes whose owner wipes them in its own time.
  static Secret copy_of(ByteView source);

  Secret(Secret&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { release(); }

  Secret clone() const { return copy_of(reveal()); }

  // A new secret of the first `size` bytes; `size` must not exceed size(). Wipes this one.
  Secret truncated(std::size_t size) &&;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // The bytes themselves. The name is the audit trail: `git grep reveal` lists
  // every place where a secret meets other code.
  ByteView reveal() const noexcept { return {data_, size_}; }
  std::span<std::uint8_t> reveal_mut() noexcept { return {data_, size_}; }

  friend bool operator==(const Secret& a, const Secret& b) noexcept {
    return equal_constant_time(a.reveal(), b.reveal());
  }

 private:
  void release() noexcept;

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// Bytes of secret memory that could not be locked because RLIMIT_MEMLOCK was reached.
std::size_t unlocked_secret_bytes() noexcept;

}  // namespace cofferdam
