// SPDX-License-Identifier: Apache-2.0
#include "cloud/identities.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "base/file.h"
#include "bytes/cbor.h"
#include "crypto/certificate_builder.h"
#include "crypto/ec.h"
#include "crypto/pem.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kAdminPolicy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})";
constexpr std::string_view kEnclavePolicy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
    R"("Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}]})";

constexpr std::string_view kPlaceName = "place";
constexpr std::string_view kCaName = "tls-ca";
constexpr auto kCaLifetime = std::chrono::years(10);
constexpr auto kServerLifetime = std::chrono::days(365);
constexpr auto kClockTolerance = std::chrono::hours(1);

// AWS's identifiers: a prefix that tells the kind and 16 letters of base32 (RFC 4648).
std::string random_id(std::string_view prefix) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string id(prefix);
  for (const std::uint8_t byte : crypto::random_bytes(16)) id += kAlphabet[byte % 32];
  return id;
}

Secret random_base64(std::size_t size) {
  Secret bytes(size);
  crypto::random_bytes(bytes.reveal_mut());
  return secret_to_base64(bytes);
}

PrincipalRecord make_admin(const Place& place) {
  PrincipalRecord admin;
  admin.access_key_id = random_id("AKIA");
  admin.arn = admin_arn(place);
  admin.user_id = random_id("AIDA");
  admin.account = place.account;
  admin.identity_policies = {std::string(kAdminPolicy)};
  admin.secret_access_key = random_base64(30);
  return admin;
}

PrincipalRecord make_enclave_session(const Place& place) {
  PrincipalRecord session;
  session.access_key_id = random_id("ASIA");
  session.arn = enclave_session_arn(place);
  session.role_arn = "arn:aws:iam::" + place.account + ":role/cofferdam-enclave";
  session.user_id = random_id("AROA") + ":i-local";
  session.account = place.account;
  session.identity_policies = {std::string(kEnclavePolicy)};
  session.secret_access_key = random_base64(30);
  session.session_token = to_base64(crypto::random_bytes(96));
  return session;
}

Status ensure_principal(Store& store, const PrincipalRecord& principal) {
  COFFERDAM_TRY(const auto found, store.find_principal_by_arn(principal.arn));
  return found ? Status() : store.put_principal(principal);
}

Bytes random_serial() {
  Bytes serial = crypto::random_bytes(16);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // Positive, not short.
  return serial;
}

struct Ca {
  Bytes certificate;
  crypto::EcPrivateKey key;
};

const crypto::Name& ca_name() {
  static const crypto::Name name{{"O", "Cofferdam"}, {"CN", "Cofferdam local AWS CA"}};
  return name;
}

Result<Ca> make_ca(Timestamp now) {
  COFFERDAM_TRY(auto key, crypto::EcPrivateKey::generate(crypto::Curve::p256));
  crypto::CertificateSpec spec;
  spec.serial = random_serial();
  spec.issuer = spec.subject = ca_name();
  spec.not_before = now - kClockTolerance;
  spec.not_after = now + kCaLifetime;
  spec.is_ca = true;
  spec.path_length = 0;
  spec.key_usage = crypto::kKeyCertSign | crypto::kCrlSign;
  COFFERDAM_TRY(Bytes certificate, crypto::build_certificate(spec, key.public_key(), key));
  return Ca{.certificate = std::move(certificate), .key = std::move(key)};
}

// Certificate and key in one value: neither can be there without the other.
Status keep_ca(Store& store, const Ca& ca) {
  const Secret key = ca.key.to_pkcs8();
  cbor::Writer writer;
  writer.array(2).bytes(ca.certificate).bytes(key.reveal());
  Bytes encoded = std::move(writer).take();
  return store.put_secret(kCaName, Secret::take(encoded));
}

Result<Ca> read_ca(const Secret& encoded) {
  COFFERDAM_TRY(const cbor::Item item, cbor::parse(encoded.reveal()));
  COFFERDAM_TRY(const auto parts, item.array());
  if (parts.size() != 2) return fail(Errc::internal, "store: the TLS CA is damaged");
  COFFERDAM_TRY(const ByteView certificate, parts[0].bytes());
  COFFERDAM_TRY(const ByteView pkcs8, parts[1].bytes());
  COFFERDAM_TRY(auto key, crypto::EcPrivateKey::from_pkcs8(Secret::copy_of(pkcs8)));
  return Ca{.certificate = to_bytes(certificate), .key = std::move(key)};
}

Result<Ca> ensure_ca(Store& store, Timestamp now) {
  COFFERDAM_TRY(const auto found, store.find_secret(kCaName));
  if (found) return read_ca(*found);
  COFFERDAM_TRY(Ca ca, make_ca(now));
  COFFERDAM_CHECK(keep_ca(store, ca));
  return ca;
}

crypto::CertificateSpec server_spec(const Place& place, const std::string& host, Timestamp now) {
  crypto::CertificateSpec spec;
  spec.serial = random_serial();
  spec.issuer = ca_name();
  spec.subject = {{"O", "Cofferdam"}, {"CN", "localhost"}};
  spec.not_before = now - kClockTolerance;
  spec.not_after = now + kServerLifetime;
  spec.key_usage = crypto::kDigitalSignature;
  spec.server_auth = true;
  spec.dns_names = {"localhost", "sts.amazonaws.com"};
  for (const std::string_view service : {"kms", "sts"}) {
    spec.dns_names.push_back(std::string(service) + "." + place.region + ".amazonaws.com");
  }
  spec.ip_addresses = {"127.0.0.1", "::1"};
  const bool is_address = host.find_first_not_of("0123456789.") == std::string::npos ||
                          host.find(':') != std::string::npos;
  auto& names = is_address ? spec.ip_addresses : spec.dns_names;
  if (std::ranges::find(names, host) == names.end()) names.push_back(host);
  return spec;
}

}  // namespace

std::string admin_arn(const Place& place) {
  return "arn:aws:iam::" + place.account + ":user/admin";
}

std::string enclave_session_arn(const Place& place) {
  return "arn:aws:sts::" + place.account + ":assumed-role/cofferdam-enclave/i-local";
}

Status ensure_place(Store& store, const Place& place) {
  const std::string here = place.account + ", " + place.region;
  COFFERDAM_TRY(const auto found, store.find_secret(kPlaceName));
  if (!found) return store.put_secret(kPlaceName, Secret::copy_of(as_bytes(here)));
  if (as_text(found->reveal()) == here) return {};
  return fail(Errc::invalid_input, "the folder was made for " +
                                       std::string(as_text(found->reveal())) + ", not for " + here +
                                       ": use another --data");
}

Status ensure_principals(Store& store, const Place& place) {
  COFFERDAM_CHECK(ensure_principal(store, make_admin(place)));
  return ensure_principal(store, make_enclave_session(place));
}

Status export_credentials(Store& store, std::string_view arn, const std::filesystem::path& file) {
  COFFERDAM_TRY(const auto principal, store.find_principal_by_arn(arn));
  if (!principal) return fail(Errc::internal, "store: no principal " + std::string(arn));
  Bytes text;
  text.reserve(1024);  // Never grows: no copy of the secret is left behind.
  const auto append = [&text](std::string_view part) {
    text.insert(text.end(), part.begin(), part.end());
  };
  append(R"({"AccessKeyId":")" + principal->access_key_id + R"(","SecretAccessKey":")");
  append(as_text(principal->secret_access_key.reveal()));
  if (!principal->session_token.empty()) append(R"(","Token":")" + principal->session_token);
  append("\"}\n");
  const Status written = write_file_atomic(file, text, 0600);
  wipe(text);
  return written;
}

Result<TlsIdentity> make_tls_identity(Store& store, const Place& place, const std::string& host,
                                      Timestamp now) {
  COFFERDAM_TRY(const Ca ca, ensure_ca(store, now));
  COFFERDAM_TRY(const auto key, crypto::EcPrivateKey::generate(crypto::Curve::p256));
  COFFERDAM_TRY(const Bytes certificate,
                crypto::build_certificate(server_spec(place, host, now), key.public_key(), ca.key));
  TlsIdentity identity;
  identity.ca_pem = crypto::pem_encode("CERTIFICATE", ca.certificate);
  identity.chain_pem = crypto::pem_encode("CERTIFICATE", certificate) + identity.ca_pem;
  identity.key_pem = key.to_pem();
  return identity;
}

}  // namespace cofferdam::cloud
