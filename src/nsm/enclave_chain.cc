// SPDX-License-Identifier: Apache-2.0
#include "nsm/enclave_chain.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/encoding.h"
#include "bytes/byte_writer.h"
#include "crypto/random.h"

namespace cofferdam::nsm {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes kLeafReserve{30};
constexpr std::array<seconds, 4> kLifetimes{days{20}, days{6}, hours{24}, hours{3}};
constexpr std::array<seconds, 4> kBackdates{hours{1}, hours{1}, hours{1}, seconds{3}};

crypto::Name short_name(std::string common_name) {
  return {{"C", "US"}, {"O", "Amazon"}, {"OU", "AWS"}, {"CN", std::move(common_name)}};
}

crypto::Name zonal_name(std::string common_name) {
  return {{"CN", std::move(common_name)},
          {"OU", "AWS"},
          {"O", "Amazon"},
          {"C", "US"},
          {"ST", "WA"},
          {"L", "Seattle"}};
}

crypto::Name full_name(std::string common_name) {
  return {{"C", "US"},     {"ST", "Washington"}, {"L", "Seattle"},
          {"O", "Amazon"}, {"OU", "AWS"},        {"CN", std::move(common_name)}};
}

Bytes random_serial() {
  Bytes serial = crypto::random_bytes(16);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);
  return serial;
}

// Enclave id, four zero octets, unix seconds of issue.
Bytes leaf_serial(const EnclaveIdentity& identity, Timestamp issued) {
  const auto unix_seconds = floor<seconds>(issued).time_since_epoch().count();
  ByteWriter out;
  out.bytes(identity.enclave_id);
  out.u32(0);
  out.u32(static_cast<std::uint32_t>(unix_seconds));
  return std::move(out).take();
}

std::string random_label() { return to_hex(crypto::random_bytes(8)); }

}  // namespace

EnclaveIdentity EnclaveIdentity::make(std::string region, std::string instance_id,
                                      Timestamp launch) {
  ByteWriter id;
  id.u64(static_cast<std::uint64_t>(launch.time_since_epoch().count()) << 16);
  EnclaveIdentity out{.region = std::move(region), .instance_id = std::move(instance_id)};
  std::ranges::copy(id.view(), out.enclave_id.begin());
  crypto::random_bytes(std::span(out.enclave_id).last(2));
  return out;
}

std::string EnclaveIdentity::module_id() const { return instance_id + "-enc" + to_hex(enclave_id); }

Status EnclaveChain::renew(Timestamp now) { return ensure(kLeaf, now, now + kLeafReserve); }

std::vector<Bytes> EnclaveChain::cabundle() const {
  std::vector<Bytes> out{to_bytes(authority_->root_der())};
  for (const Level level : {kRegional, kZonal, kInstance})
    out.push_back(tiers_[level]->certificate);
  return out;
}

// A certificate is replaced only while the one below it is being replaced, so the four
// always belong together.
Status EnclaveChain::ensure(Level level, Timestamp now, Timestamp until) {
  std::unique_ptr<const Tier>& tier = tiers_[level];
  if (tier && tier->not_before <= now && until <= tier->not_after) return {};

  crypto::CertificateSpec spec = spec_for(level, now);
  const crypto::EcPrivateKey* issuer_key = &authority_->key();
  spec.issuer = Authority::name();
  if (level != kRegional) {
    const auto above = static_cast<Level>(level - 1);
    COFFERDAM_CHECK(ensure(above, now, spec.not_after));
    issuer_key = &tiers_[above]->key;
    spec.issuer = tiers_[above]->name;
  }
  COFFERDAM_TRY(crypto::EcPrivateKey key, crypto::EcPrivateKey::generate(crypto::Curve::p384));
  COFFERDAM_TRY(Bytes certificate, crypto::build_certificate(spec, key.public_key(), *issuer_key));
  tier = std::make_unique<const Tier>(Tier{.name = std::move(spec.subject),
                                           .key = std::move(key),
                                           .certificate = std::move(certificate),
                                           .not_before = spec.not_before,
                                           .not_after = spec.not_after});
  return {};
}

crypto::CertificateSpec EnclaveChain::spec_for(Level level, Timestamp now) const {
  constexpr std::uint16_t kCaUsage =
      crypto::kDigitalSignature | crypto::kKeyCertSign | crypto::kCrlSign;
  const std::string suffix = "." + identity_.region + ".aws";
  const std::string ca_suffix = suffix + ".nitro-enclaves";
  crypto::CertificateSpec spec;
  spec.serial = random_serial();
  spec.not_before = floor<seconds>(now) - kBackdates[level];
  spec.not_after = floor<seconds>(now) + kLifetimes[level];
  spec.is_ca = true;
  spec.key_usage = kCaUsage;
  switch (level) {
    case kRegional:
      spec.subject = short_name(random_label() + ca_suffix);
      spec.path_length = 2;
      break;
    case kZonal:
      spec.subject = zonal_name(random_label() + ".zonal" + ca_suffix);
      spec.path_length = 1;
      break;
    case kInstance:
      spec.subject = full_name(identity_.instance_id + ca_suffix);
      spec.path_length = 0;
      spec.key_usage = crypto::kKeyCertSign;
      break;
    default:
      spec.serial = leaf_serial(identity_, now);
      spec.subject = full_name(identity_.module_id() + suffix);
      spec.is_ca = false;
      spec.key_usage = crypto::kDigitalSignature | crypto::kNonRepudiation;
      spec.key_usage_critical = false;
      spec.key_identifiers = false;
      break;
  }
  return spec;
}

}  // namespace cofferdam::nsm
