// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate_view.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

namespace cofferdam::crypto {
namespace {

constexpr std::size_t kMaxCertificateSize = std::size_t{16} * 1024;

std::unexpected<Error> bad(std::string detail) {
  ERR_clear_error();
  return fail(Errc::invalid_input, "certificate: " + std::move(detail));
}

std::string object_name(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  const int size = OBJ_obj2txt(text.data(), text.size(), object, /*always_return_oid=*/0);
  return size > 0 ? std::string(text.data()) : std::string("unknown");
}

Result<CertificateView::Attributes> read_name(const X509_NAME* name) {
  CertificateView::Attributes out;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (size < 0) return bad("a name holds text of an unknown kind");
    const bssl::UniquePtr<unsigned char> owner(utf8);
    out.emplace_back(object_name(X509_NAME_ENTRY_get_object(entry)),
                     as_text({utf8, static_cast<std::size_t>(size)}));
  }
  return out;
}

Result<Timestamp> read_time(const ASN1_TIME* time) {
  std::int64_t seconds = 0;
  if (ASN1_TIME_to_posix(time, &seconds) != 1) return bad("a validity time does not exist");
  return Timestamp(std::chrono::seconds(seconds));
}

Result<Bytes> read_spki(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return bad("no public key");
  const bssl::UniquePtr<unsigned char> owner(der);
  return Bytes(der, der + size);
}

}  // namespace

Result<CertificateView> CertificateView::parse(ByteView der) {
  if (der.size() > kMaxCertificateSize) {
    return bad("larger than " + std::to_string(kMaxCertificateSize) + " bytes");
  }
  const unsigned char* cursor = der.data();
  const bssl::UniquePtr<X509> certificate(
      d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (certificate == nullptr) return bad("not an X.509 certificate in DER");
  if (cursor != der.data() + der.size()) return bad("bytes after the end");

  CertificateView out;
  COFFERDAM_TRY(out.issuer, read_name(X509_get_issuer_name(certificate.get())));
  COFFERDAM_TRY(out.subject, read_name(X509_get_subject_name(certificate.get())));
  COFFERDAM_TRY(out.not_before, read_time(X509_get0_notBefore(certificate.get())));
  COFFERDAM_TRY(out.not_after, read_time(X509_get0_notAfter(certificate.get())));
  COFFERDAM_TRY(out.spki, read_spki(certificate.get()));

  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, certificate.get());
  const ASN1_OBJECT* algorithm_name = nullptr;
  X509_ALGOR_get0(&algorithm_name, nullptr, nullptr, algorithm);
  out.signature_algorithm = object_name(algorithm_name);
  out.signature = to_bytes(
      {ASN1_STRING_get0_data(signature), static_cast<std::size_t>(ASN1_STRING_length(signature))});
  return out;
}

}  // namespace cofferdam::crypto
