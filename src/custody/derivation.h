// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace cofferdam::custody {

// Which key of a tree: what it is for, which one of that kind, and in which context.
struct KeyPath {
  std::string_view purpose;
  std::string_view label;
  crypto::Sha384 context{};  // context_digest(), or zeros where there is none.
};

inline constexpr std::size_t kMinRootSize = 32;
inline constexpr std::size_t kMinDerivedSize = 16;
inline constexpr std::size_t kMaxDerivedSize = 1024;

// Keys derived from one root secret, which KMS released to this enclave: the same root,
// enclave name and path give the same key after a restart and on another host, and say
// nothing about the root or about any other key.
//
// HKDF-SHA384 (RFC 5869) with salt "cofferdam/derive/v1" and as info the deterministic CBOR
// of ["cofferdam/derive/v1", enclave, purpose, label, context, size]; a subtree's root has
// the text "tree" in the place of the size. Byte for byte in docs/custody.md.
//
// Purposes that begin with "cofferdam/" are the project's own and refused here, so that no
// workload can derive the key that seals its state. Errors are Errc::invalid_input.
class KeyTree {
 public:
  // `root` is uniformly random and of at least kMinRootSize bytes. `enclave` is the name in
  // the measured configuration.
  static Result<KeyTree> create(Secret root, std::string enclave);

  Result<Secret> derive(const KeyPath& path, std::size_t size = 32) const;

  // A tree of its own, for handing on: whoever holds it can derive nothing of this one.
  Result<KeyTree> child(const KeyPath& path) const;

  const std::string& enclave() const noexcept { return enclave_; }
  KeyTree clone() const { return {root_.clone(), enclave_}; }

 private:
  friend class Sealer;
  KeyTree(Secret root, std::string enclave)
      : root_(std::move(root)), enclave_(std::move(enclave)) {}
  // Without the rule about purposes.
  Result<Secret> derive_own(const KeyPath& path, std::size_t size) const;

  Secret root_;
  std::string enclave_;
};

}  // namespace cofferdam::custody
