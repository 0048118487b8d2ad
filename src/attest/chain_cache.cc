// SPDX-License-Identifier: Apache-2.0
#include "attest/chain_cache.h"

#include <cstring>

namespace cofferdam::attest {

ChainCache::Key ChainCache::key_of(ByteView leaf, const std::vector<Bytes>& cabundle) {
  constexpr std::size_t kHead = 4;
  std::size_t size = kHead + leaf.size();
  for (const Bytes& certificate : cabundle) size += kHead + certificate.size();
  Bytes all;
  all.reserve(size);
  const auto add = [&](ByteView certificate) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      all.push_back(static_cast<std::uint8_t>(certificate.size() >> shift));
    }
    all.insert(all.end(), certificate.begin(), certificate.end());
  };
  add(leaf);
  for (const Bytes& certificate : cabundle) add(certificate);
  return crypto::sha256(all);
}

std::size_t ChainCache::KeyHash::operator()(const Key& key) const noexcept {
  // The key is a digest already: any part of it is spread well.
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

std::shared_ptr<const VerifiedChain> ChainCache::find(const Key& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void ChainCache::insert(const Key& key, std::shared_ptr<const VerifiedChain> chain) {
  const std::scoped_lock lock(mutex_);
  if (max_chains_ == 0 || index_.contains(key)) return;
  entries_.emplace_front(key, std::move(chain));
  index_.emplace(key, entries_.begin());
  if (entries_.size() <= max_chains_) return;
  index_.erase(entries_.back().first);
  entries_.pop_back();
}

std::size_t ChainCache::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace cofferdam::attest
