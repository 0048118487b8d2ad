// SPDX-License-Identifier: Apache-2.0
#include "nsm/authority.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/pem.h"
#include "crypto/random.h"

namespace cofferdam::nsm {
namespace {

constexpr std::size_t kMaxFileSize = std::size_t{16} * 1024;
constexpr std::chrono::hours kBackdate{1};
constexpr std::chrono::days kLifetime{30 * 365};

Result<crypto::EcPrivateKey> load_or_create_key(const std::filesystem::path& path,
                                                bool certificate_exists) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    COFFERDAM_TRY(const Secret pem, read_secret_file(path, kMaxFileSize));
    COFFERDAM_TRY(crypto::EcPrivateKey key, crypto::EcPrivateKey::from_pem(pem));
    if (key.curve() == crypto::Curve::p384) return key;
    return fail(Errc::invalid_input, path.string() + ": expected a P-384 key");
  }
  if (certificate_exists) {
    return fail(Errc::invalid_input, "root.pem is there but its key is not: restore " +
                                         path.string() + " or remove the whole folder");
  }
  COFFERDAM_TRY(crypto::EcPrivateKey key, crypto::EcPrivateKey::generate(crypto::Curve::p384));
  const Secret pem = key.to_pem();
  COFFERDAM_CHECK(write_file_atomic(path, pem.reveal(), 0600));
  return key;
}

Result<Bytes> issue_root(const crypto::EcPrivateKey& key, Timestamp now) {
  crypto::CertificateSpec spec;
  spec.serial = crypto::random_bytes(16);
  spec.serial[0] |= 0x80;  // AWS's has its top bit set, which costs a sign octet in DER.
  spec.issuer = Authority::name();
  spec.subject = Authority::name();
  spec.not_before = now - kBackdate;
  spec.not_after = now + kLifetime;
  spec.is_ca = true;
  spec.key_usage = crypto::kDigitalSignature | crypto::kKeyCertSign | crypto::kCrlSign;
  return crypto::build_certificate(spec, key.public_key(), key);
}

// A certificate carries the SubjectPublicKeyInfo of its key as it is.
Status require_certificate_of(const crypto::EcPrivateKey& key, ByteView certificate) {
  const Bytes spki = key.public_key().spki();
  if (std::ranges::search(certificate, spki).empty()) {
    return fail(Errc::invalid_input,
                "root.pem is not the certificate of root.key: restore both or remove the folder");
  }
  return {};
}

}  // namespace

Authority::Authority(crypto::EcPrivateKey key, Bytes root_der, std::filesystem::path root_pem_path)
    : key_(std::move(key)),
      root_der_(std::move(root_der)),
      root_pem_path_(std::move(root_pem_path)),
      instance_id_("i-0" + to_hex(crypto::sha256(root_der_)).substr(0, 16)) {}

crypto::Name Authority::name() {
  return {{"C", "US"}, {"O", "Amazon"}, {"OU", "AWS"}, {"CN", "aws.nitro-enclaves"}};
}

Result<Authority> Authority::open(const std::filesystem::path& folder, const Clock& clock) {
  COFFERDAM_CHECK(make_private_folder(folder));
  COFFERDAM_TRY(const UniqueFd lock, lock_folder(folder));
  const std::filesystem::path pem_path = folder / "root.pem";
  std::error_code error;
  const bool certificate_exists = std::filesystem::exists(pem_path, error);
  // The key goes to disk first: a crash in between leaves a key that nobody has seen a
  // certificate of, and the next start issues one.
  COFFERDAM_TRY(crypto::EcPrivateKey key,
                load_or_create_key(folder / "root.key", certificate_exists));
  Bytes der;
  if (certificate_exists) {
    COFFERDAM_TRY(const std::string pem, read_text_file(pem_path, kMaxFileSize));
    COFFERDAM_TRY(der, crypto::pem_decode(pem, "CERTIFICATE"));
    COFFERDAM_CHECK(require_certificate_of(key, der));
  } else {
    COFFERDAM_TRY(der, issue_root(key, clock.now()));
    COFFERDAM_CHECK(write_file_atomic(pem_path, as_bytes(crypto::pem_encode("CERTIFICATE", der))));
  }
  return Authority(std::move(key), std::move(der), pem_path);
}

}  // namespace cofferdam::nsm
