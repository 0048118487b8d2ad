// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/key_pair.h"

namespace cofferdam::broker {

// When keys follow each other.
struct KeySchedule {
  std::chrono::seconds period = std::chrono::hours(24 * 30);  // How long one signs.
  // How long one is published before it signs: as long as verifiers keep a set of keys.
  std::chrono::seconds ahead = std::chrono::hours(2);
  // How long one stays published after its last signature: no token lives longer.
  std::chrono::seconds after = std::chrono::minutes(20);
};

// The keys that sign tokens, one line of succession for ES256 (P-256) and one for RS256 (RSA
// 2048). Each is published, then signs, then stays published until the last token that it
// signed has expired, then is deleted. Which one signs follows from the time alone.
//
// The folder is private (0700) and holds keys.json and one KEYID.key (PKCS#8, 0600) for each
// key. keys.json is replaced in one step after a new key is on disk and before an old one goes,
// so a crash loses none that was published. Safe for concurrent use; one process per folder.
class SigningKeys {
 public:
  enum class Algorithm : std::uint8_t { es256, rs256 };

  // Makes the first keys in an empty folder; they sign at once. Errc::invalid_input for a folder
  // whose files do not belong together, Errc::unavailable when it cannot be used or another
  // process uses it.
  static Result<SigningKeys> open(const std::filesystem::path& folder, KeySchedule schedule,
                                  Timestamp now);
  SigningKeys(SigningKeys&&) noexcept;
  ~SigningKeys();

  // A compact JWS of the claims, with "kid" and "typ" in its header.
  Result<std::string> sign(Algorithm algorithm, const json::object& claims, Timestamp now) const;

  // Announces and deletes what the schedule says. To be called now and then.
  Status tick(Timestamp now);

  // Announces successors now, whatever the schedule says. Where one is announced already, that
  // one stays.
  Status rotate(Timestamp now);

  // RFC 7517: {"keys": [...]}, announced, signing and retired.
  json::object published() const;

 private:
  struct Impl;
  explicit SigningKeys(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::broker
