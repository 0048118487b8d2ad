// SPDX-License-Identifier: Apache-2.0
#include "crypto/cms.h"

#include <openssl/aes.h>
#include <openssl/cipher.h>

#include <algorithm>
#include <array>

#include "bytes/ber.h"
#include "bytes/der.h"
#include "crypto/digest.h"
#include "crypto/internal.h"
#include "crypto/random.h"

namespace cofferdam::crypto {
namespace {

constexpr std::string_view kEnvelopedData = "1.2.840.113549.1.7.3";
constexpr std::string_view kData = "1.2.840.113549.1.7.1";
constexpr std::string_view kRsaesOaep = "1.2.840.113549.1.1.7";
constexpr std::string_view kMgf1 = "1.2.840.113549.1.1.8";
constexpr std::string_view kSha256 = "2.16.840.1.101.3.4.2.1";
constexpr std::string_view kAes256Cbc = "2.16.840.1.101.3.4.1.42";

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kBlock = 16;
constexpr std::size_t kMaxMessage = 6144;  // The documented limit of CiphertextForRecipient.
constexpr std::size_t kMaxEncryptedKey = 512;

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "CMS: " + std::move(detail));
}

// SEQUENCE { rsaesOaep, SEQUENCE { [0] sha256, [1] mgf1 with sha256 } }
Bytes oaep_algorithm() {
  const Bytes null = der::encode(der::kNull, ByteView{});
  const Bytes sha256 = der::encode(der::kSequence, {der::encode_object_identifier(kSha256), null});
  const Bytes mgf1 = der::encode(der::kSequence, {der::encode_object_identifier(kMgf1), sha256});
  return der::encode(
      der::kSequence,
      {der::encode_object_identifier(kRsaesOaep),
       der::encode(der::kSequence, {der::encode(der::context_constructed(0), sha256),
                                    der::encode(der::context_constructed(1), mgf1)})});
}

Bytes content_algorithm(ByteView iv) {
  return der::encode(der::kSequence,
                     {der::encode_object_identifier(kAes256Cbc), der::encode_octet_string(iv)});
}

// An element of indefinite length.
Bytes indefinite(der::Tag tag, std::initializer_list<ByteView> parts) {
  Bytes out{tag, 0x80};
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  out.insert(out.end(), {0, 0});
  return out;
}

Result<Bytes> cbc_encrypt(const Secret& key, ByteView iv, const Secret& plaintext) {
  bssl::ScopedEVP_CIPHER_CTX context;
  Bytes out(plaintext.size() + kBlock);
  int head = 0;
  int tail = 0;
  if (EVP_EncryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, key.reveal().data(),
                         iv.data()) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &head, plaintext.reveal().data(),
                        static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), out.data() + head, &tail) != 1) {
    return library_failure("AES-256-CBC encryption");
  }
  out.resize(static_cast<std::size_t>(head) + static_cast<std::size_t>(tail));
  return out;
}

Result<Secret> cbc_decrypt(const Secret& key, ByteView iv, ByteView ciphertext) {
  bssl::ScopedEVP_CIPHER_CTX context;
  Secret out(ciphertext.size() + kBlock);
  int head = 0;
  int tail = 0;
  if (EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, key.reveal().data(),
                         iv.data()) != 1 ||
      EVP_DecryptUpdate(context.get(), out.reveal_mut().data(), &head, ciphertext.data(),
                        static_cast<int>(ciphertext.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), out.reveal_mut().data() + head, &tail) != 1) {
    ERR_clear_error();
    return fail(Errc::unauthenticated, "CMS: content does not decrypt");
  }
  return std::move(out).truncated(static_cast<std::size_t>(head) + static_cast<std::size_t>(tail));
}

Status expect(ByteView found, ByteView wanted, const char* what) {
  if (!std::ranges::equal(found, wanted))
    return bad(std::string(what) + " is not the expected one");
  return {};
}

Status expect_oid(ber::Reader& in, std::string_view oid, const char* what) {
  const Bytes wanted = der::encode_object_identifier(oid);
  COFFERDAM_TRY(const ByteView found, in.primitive(der::kObjectIdentifier));
  return expect(found, ByteView(wanted).subspan(2), what);
}

Status expect_version_2(ber::Reader& in) {
  constexpr std::array<std::uint8_t, 1> kTwo{2};
  COFFERDAM_TRY(const ByteView version, in.primitive(der::kInteger));
  return expect(version, kTwo, "version");
}

// KMS writes the algorithm in DER; any other spelling of it is refused.
Status expect_oaep(ber::Reader& recipient) {
  const Bytes wanted = oaep_algorithm();
  COFFERDAM_TRY(const ByteView found, recipient.primitive(der::kSequence));
  return expect(found, ByteView(wanted).subspan(2), "key encryption algorithm");
}

// The one KeyTransRecipientInfo: checks that it is for this key, gives the encrypted key.
Result<Bytes> read_recipient(ber::Reader& enveloped, ByteView spki) {
  COFFERDAM_TRY(ber::Reader recipients, enveloped.nested(der::kSet));
  COFFERDAM_TRY(ber::Reader recipient, recipients.nested(der::kSequence));
  COFFERDAM_CHECK(recipients.finish());
  COFFERDAM_CHECK(expect_version_2(recipient));
  COFFERDAM_TRY(const ByteView key_id, recipient.primitive(der::context_primitive(0)));
  COFFERDAM_CHECK(expect(key_id, sha256(spki), "recipient key identifier"));
  COFFERDAM_CHECK(expect_oaep(recipient));
  COFFERDAM_TRY(Bytes encrypted_key, recipient.octet_string(der::kOctetString, kMaxEncryptedKey));
  COFFERDAM_CHECK(recipient.finish());
  return encrypted_key;
}

struct Content {
  Bytes iv;
  Bytes ciphertext;
};

Result<Content> read_content(ber::Reader& enveloped) {
  COFFERDAM_TRY(ber::Reader info, enveloped.nested(der::kSequence));
  COFFERDAM_CHECK(expect_oid(info, kData, "content type"));
  COFFERDAM_TRY(ber::Reader algorithm, info.nested(der::kSequence));
  COFFERDAM_CHECK(expect_oid(algorithm, kAes256Cbc, "content cipher"));
  Content out;
  COFFERDAM_TRY(out.iv, algorithm.octet_string(der::kOctetString, kBlock));
  COFFERDAM_CHECK(algorithm.finish());
  COFFERDAM_TRY(out.ciphertext, info.octet_string(der::context_primitive(0), kMaxMessage));
  COFFERDAM_CHECK(info.finish());
  if (out.iv.size() != kBlock || out.ciphertext.empty() || out.ciphertext.size() % kBlock != 0) {
    return bad("initialisation vector or ciphertext of the wrong length");
  }
  return out;
}

}  // namespace

Result<Bytes> cms_seal(const Secret& plaintext, ByteView recipient_spki) {
  COFFERDAM_TRY(const RsaPublicKey recipient, RsaPublicKey::from_spki(recipient_spki));
  Secret content_key(kKeySize);
  random_bytes(content_key.reveal_mut());
  const Bytes iv = random_bytes(kBlock);
  COFFERDAM_TRY(const Bytes encrypted_key, recipient.encrypt_oaep_sha256(content_key));
  COFFERDAM_TRY(const Bytes ciphertext, cbc_encrypt(content_key, iv, plaintext));

  const Bytes version = der::encode_small_integer(2);
  const Bytes recipient_info = der::encode(
      der::kSet,
      der::encode(der::kSequence,
                  {version, der::encode(der::context_primitive(0), sha256(recipient_spki)),
                   oaep_algorithm(), der::encode_octet_string(encrypted_key)}));
  const Bytes content =
      indefinite(der::context_constructed(0), {der::encode_octet_string(ciphertext)});
  const Bytes content_info = indefinite(
      der::kSequence, {der::encode_object_identifier(kData), content_algorithm(iv), content});
  const Bytes enveloped = indefinite(der::kSequence, {version, recipient_info, content_info});
  return indefinite(der::kSequence, {der::encode_object_identifier(kEnvelopedData),
                                     indefinite(der::context_constructed(0), {enveloped})});
}

Result<Secret> cms_open(ByteView message, const RsaPrivateKey& key) {
  if (message.size() > kMaxMessage) return bad("message of more than 6144 bytes");
  ber::Reader in(message);
  COFFERDAM_TRY(ber::Reader content_info, in.nested(der::kSequence));
  COFFERDAM_CHECK(in.finish());
  COFFERDAM_CHECK(expect_oid(content_info, kEnvelopedData, "message type"));
  COFFERDAM_TRY(ber::Reader wrapper, content_info.nested(der::context_constructed(0)));
  COFFERDAM_CHECK(content_info.finish());
  COFFERDAM_TRY(ber::Reader enveloped, wrapper.nested(der::kSequence));
  COFFERDAM_CHECK(wrapper.finish());
  COFFERDAM_CHECK(expect_version_2(enveloped));
  COFFERDAM_TRY(const Bytes encrypted_key, read_recipient(enveloped, key.spki()));
  COFFERDAM_TRY(const Content content, read_content(enveloped));
  COFFERDAM_CHECK(enveloped.finish());

  COFFERDAM_TRY(const Secret content_key, key.decrypt_oaep_sha256(encrypted_key));
  if (content_key.size() != kKeySize) return bad("content key is not 32 bytes long");
  return cbc_decrypt(content_key, content.iv, content.ciphertext);
}

}  // namespace cofferdam::crypto
