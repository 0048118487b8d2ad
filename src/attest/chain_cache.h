// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "attest/chain.h"
#include "base/byte_view.h"
#include "crypto/digest.h"

namespace cofferdam::attest {

// Remembers the chains that were used last, by the bytes of all their certificates: never
// by issuer, serial number or key, which an attacker may repeat. Only what verified goes
// in, and its validity is judged again at each use. Safe for concurrent use.
class ChainCache {
 public:
  using Key = crypto::Sha256;
  // Every certificate is hashed with its length, so no bytes can move from one to the next.
  static Key key_of(ByteView leaf, const std::vector<Bytes>& cabundle);

  // Keeps at most `max_chains`, none when that is zero.
  explicit ChainCache(std::size_t max_chains) : max_chains_(max_chains) {}

  std::shared_ptr<const VerifiedChain> find(const Key& key);
  void insert(const Key& key, std::shared_ptr<const VerifiedChain> chain);
  std::size_t size() const;

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  using Entry = std::pair<Key, std::shared_ptr<const VerifiedChain>>;

  const std::size_t max_chains_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // Used last comes first.
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> index_;
};

}  // namespace cofferdam::attest
