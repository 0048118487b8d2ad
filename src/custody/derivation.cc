// SPDX-License-Identifier: Apache-2.0
#include "custody/derivation.h"

#include <optional>
#include <utility>

#include "bytes/cbor.h"
#include "crypto/mac.h"
#include "custody/binding.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kDomain = "cofferdam/derive/v1";
constexpr std::string_view kReserved = "cofferdam/";
constexpr std::size_t kTreeRootSize = sizeof(crypto::Sha384);

Status check_path(const KeyPath& path) {
  COFFERDAM_CHECK(check_name("purpose of a derived key", path.purpose));
  return check_name("label of a derived key", path.label);
}

Status check_not_reserved(std::string_view purpose) {
  if (!purpose.starts_with(kReserved)) return {};
  return fail(Errc::invalid_input,
              "purposes that begin with \"cofferdam/\" are reserved: choose another prefix");
}

// `size` is absent for the root of a subtree, so that no key is ever one.
Secret expand(const Secret& root, std::string_view enclave, const KeyPath& path,
              std::optional<std::size_t> size) {
  cbor::Writer info;
  info.array(6).text(kDomain).text(enclave).text(path.purpose).text(path.label).bytes(path.context);
  if (size) {
    info.unsigned_integer(*size);
  } else {
    info.text("tree");
  }
  return crypto::hkdf_sha384(root.reveal(), as_bytes(kDomain), info.view(),
                             size.value_or(kTreeRootSize));
}

}  // namespace

Result<KeyTree> KeyTree::create(Secret root, std::string enclave) {
  COFFERDAM_CHECK(check_name("name of the enclave", enclave));
  if (root.size() < kMinRootSize) {
    return fail(Errc::invalid_input, "root secret: expected at least " +
                                         std::to_string(kMinRootSize) + " bytes, found " +
                                         std::to_string(root.size()));
  }
  return KeyTree(std::move(root), std::move(enclave));
}

Result<Secret> KeyTree::derive(const KeyPath& path, std::size_t size) const {
  COFFERDAM_CHECK(check_not_reserved(path.purpose));
  return derive_own(path, size);
}

Result<Secret> KeyTree::derive_own(const KeyPath& path, std::size_t size) const {
  COFFERDAM_CHECK(check_path(path));
  if (size < kMinDerivedSize || size > kMaxDerivedSize) {
    return fail(Errc::invalid_input,
                "derived key: expected a size of " + std::to_string(kMinDerivedSize) + " to " +
                    std::to_string(kMaxDerivedSize) + " bytes, found " + std::to_string(size));
  }
  return expand(root_, enclave_, path, size);
}

Result<KeyTree> KeyTree::child(const KeyPath& path) const {
  COFFERDAM_CHECK(check_not_reserved(path.purpose));
  COFFERDAM_CHECK(check_path(path));
  return KeyTree(expand(root_, enclave_, path, std::nullopt), enclave_);
}

}  // namespace cofferdam::custody
