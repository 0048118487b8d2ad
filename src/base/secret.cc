// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>

namespace cofferdam {
namespace {

constexpr std::size_t kSlabSize = std::size_t{64} * 1024;
constexpr std::size_t kSmallest = 32;
constexpr std::size_t kClasses = 8;  // 32 bytes to 4 KiB; larger secrets get pages of their own.

// Hands out blocks of locked pages. One per process: mlock works on whole pages, so
// secrets share them, and a freed block is wiped before anyone else can receive it.
class SecretHeap {
 public:
  std::uint8_t* allocate(std::size_t size) {
    const std::scoped_lock lock(mutex_);
    const std::size_t index = class_of(size);
    if (index >= kClasses) return map(round_to_pages(size));
    if (free_[index] == nullptr) refill(index);
    Block* block = free_[index];
    free_[index] = block->next;
    std::memset(block, 0, sizeof(Block));
    return reinterpret_cast<std::uint8_t*>(block);
  }

  void deallocate(std::uint8_t* data, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    explicit_bzero(data, size);
    const std::scoped_lock lock(mutex_);
    if (index >= kClasses) {
      munmap(data, round_to_pages(size));
      return;
    }
    free_[index] = new (data) Block{.next = free_[index]};
  }

  std::size_t unlocked() noexcept {
    const std::scoped_lock lock(mutex_);
    return unlocked_;
  }

 private:
  struct Block {
    Block* next;
  };

  static std::size_t class_of(std::size_t size) noexcept {
    const std::size_t rounded = std::bit_ceil(std::max(size, kSmallest));
    return static_cast<std::size_t>(std::countr_zero(rounded) - std::countr_zero(kSmallest));
  }
  static std::size_t round_to_pages(std::size_t size) noexcept {
    return (size + 4095) & ~std::size_t{4095};
  }

  std::uint8_t* map(std::size_t size) {
    void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    madvise(pages, size, MADV_DONTDUMP);
    madvise(pages, size, MADV_WIPEONFORK);
    if (mlock(pages, size) != 0) unlocked_ += size;
    return static_cast<std::uint8_t*>(pages);
  }

  void refill(std::size_t index) {
    const std::size_t size = kSmallest << index;
    std::uint8_t* slab = map(kSlabSize);
    for (std::size_t at = 0; at < kSlabSize; at += size) {
      free_[index] = new (slab + at) Block{.next = free_[index]};
    }
  }

  std::mutex mutex_;
  std::array<Block*, kClasses> free_{};
  std::size_t unlocked_ = 0;
};

SecretHeap& heap() {
  static auto* const instance = new SecretHeap;  // Outlives every static Secret.
  return *instance;
}

}  // namespace

void wipe(std::span<std::uint8_t> bytes) noexcept {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(ByteView a, ByteView b) noexcept {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Secret::Secret(std::size_t size)
    : data_(size == 0 ? nullptr : heap().allocate(size)), size_(size) {}

Secret Secret::take(std::span<std::uint8_t> source) {
  Secret out = copy_of(source);
  wipe(source);
  return out;
}

Secret Secret::copy_of(ByteView source) {
  Secret out(source.size());
  std::ranges::copy(source, out.data_);
  return out;
}

Secret Secret::truncated(std::size_t size) && {
  Secret out = copy_of(reveal().first(size));
  release();
  return out;
}

void Secret::release() noexcept {
  if (data_ != nullptr) heap().deallocate(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

std::size_t unlocked_secret_bytes() noexcept { return heap().unlocked(); }

}  // namespace cofferdam
