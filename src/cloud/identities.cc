// SPDX-License-Identifier: Apache-2.0
#include "cloud/identities.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "base/file.h"
#include "bytes/cbor.h"
#include "cloud/iam_store.h"
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

constexpr std::string_view kEnclaveTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
    R"("Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

constexpr std::string_view kAdminName = "admin";
constexpr std::string_view kEnclaveRole = "cofferdam-enclave";
constexpr std::string_view kEnclaveSession = "i-local";
constexpr std::string_view kInlinePolicy = "inline-1";

Identity new_identity(Identity::Kind kind, std::string_view name, const Place& place,
                      Timestamp now) {
  Identity identity;
  identity.kind = kind;
  identity.id = random_iam_id(kind == Identity::Kind::user ? "AIDA" : "AROA");
  identity.account = place.account;
  identity.name = name;
  identity.created = std::chrono::floor<std::chrono::seconds>(now);
  return identity;
}

Result<Identity> ensure_identity(IamStore& iam, const Identity& wanted, std::string_view policy) {
  COFFERDAM_TRY(auto found, iam.find_identity(wanted.kind, wanted.account, wanted.name));
  if (found) return *std::move(found);
  COFFERDAM_CHECK(iam.add_identity(wanted));
  COFFERDAM_CHECK(iam.put_inline_policy(
      wanted.id, {.name = std::string(kInlinePolicy), .document = std::string(policy)}));
  return wanted;
}

Status ensure_admin(IamStore& iam, const Place& place, Timestamp now) {
  COFFERDAM_TRY(const Identity admin,
                ensure_identity(iam, new_identity(Identity::Kind::user, kAdminName, place, now),
                                kAdminPolicy));
  COFFERDAM_TRY(const auto keys, iam.access_keys_of(admin.id));
  if (!keys.empty()) return {};
  const AccessKey key{.id = random_access_key_id("AKIA", place.account),
                      .user_id = admin.id,
                      .created = std::chrono::floor<std::chrono::seconds>(now)};
  return iam.add_access_key(key, random_secret_access_key());
}

Status ensure_enclave_role(IamStore& iam, const Place& place, Timestamp now) {
  Identity wanted = new_identity(Identity::Kind::role, kEnclaveRole, place, now);
  wanted.trust_policy = kEnclaveTrust;
  COFFERDAM_TRY(const Identity role, ensure_identity(iam, wanted, kEnclavePolicy));
  COFFERDAM_TRY(const auto session, iam.find_fixed_session(role.id, kEnclaveSession));
  if (session) return {};
  return iam.add_fixed_session({.access_key_id = random_access_key_id("ASIA", place.account),
                                .role_id = role.id,
                                .name = std::string(kEnclaveSession),
                                .secret_access_key = random_secret_access_key(),
                                .session_token = to_base64(crypto::random_bytes(96))});
}

std::unexpected<Error> nobody(std::string_view arn) {
  return fail(Errc::internal, "store: no credentials of " + std::string(arn));
}

Result<aws::Credentials> user_credentials(IamStore& iam, const policy::Principal& user) {
  COFFERDAM_TRY(const auto found, iam.find_identity(Identity::Kind::user, user.account, user.name));
  if (!found) return nobody(user.arn);
  COFFERDAM_TRY(const auto keys, iam.access_keys_of(found->id));
  if (keys.empty()) return nobody(user.arn);
  aws::Credentials credentials;
  credentials.access_key_id = keys.front().id;
  COFFERDAM_TRY(credentials.secret_access_key, iam.access_key_secret(keys.front().id));
  return credentials;
}

Result<aws::Credentials> session_credentials(IamStore& iam, const policy::Principal& principal) {
  const std::string role = principal.role_arn.substr(principal.role_arn.rfind('/') + 1);
  COFFERDAM_TRY(const auto found, iam.find_identity(Identity::Kind::role, principal.account, role));
  if (!found) return nobody(principal.arn);
  COFFERDAM_TRY(auto session, iam.find_fixed_session(found->id, principal.name));
  if (!session) return nobody(principal.arn);
  aws::Credentials credentials;
  credentials.access_key_id = std::move(session->access_key_id);
  credentials.secret_access_key = std::move(session->secret_access_key);
  credentials.session_token = std::move(session->session_token);
  return credentials;
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
  spec.dns_names = {"localhost", "iam.amazonaws.com", "sts.amazonaws.com"};
  for (const std::string_view service : {"iam", "kms", "secretsmanager", "sts"}) {
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

Status ensure_principals(Store& store, const Place& place, Timestamp now) {
  IamStore iam(store);
  return store.atomically([&]() -> Status {
    COFFERDAM_CHECK(ensure_admin(iam, place, now));
    return ensure_enclave_role(iam, place, now);
  });
}

Result<aws::Credentials> credentials_of(Store& store, std::string_view arn) {
  IamStore iam(store);
  COFFERDAM_TRY(const policy::Principal principal, policy::principal_from_arn(arn));
  return principal.kind == policy::Principal::Kind::user ? user_credentials(iam, principal)
                                                         : session_credentials(iam, principal);
}

Status export_credentials(Store& store, std::string_view arn, const std::filesystem::path& file) {
  COFFERDAM_TRY(const aws::Credentials credentials, credentials_of(store, arn));
  Bytes text;
  text.reserve(1024);  // Never grows: no copy of the secret is left behind.
  const auto append = [&text](std::string_view part) {
    text.insert(text.end(), part.begin(), part.end());
  };
  append(R"({"AccessKeyId":")" + credentials.access_key_id + R"(","SecretAccessKey":")");
  append(as_text(credentials.secret_access_key.reveal()));
  if (!credentials.session_token.empty()) append(R"(","Token":")" + credentials.session_token);
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
