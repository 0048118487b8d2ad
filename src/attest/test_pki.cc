// SPDX-License-Identifier: Apache-2.0
#include "attest/test_pki.h"

#include <utility>

#include "attest/cose.h"
#include "base/encoding.h"

namespace cofferdam::attest::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr const char* kInstanceId = "i-0123456789abcdef0";
// Launched 100 s before kNow, in milliseconds, then two octets of the machine's own.
constexpr const char* kEnclaveId = "019c13eb17601234";
constexpr const char* kRegion = "eu-west-1";

crypto::Name named(const std::string& common_name) {
  return {{"C", "US"}, {"O", "Amazon"}, {"OU", "AWS"}, {"CN", common_name}};
}

crypto::CertificateSpec authority(const crypto::CertificateSpec* issuer, const std::string& name,
                                  std::uint8_t serial, seconds before, seconds after) {
  return {.serial = {serial},
          .issuer = issuer == nullptr ? named(name) : issuer->subject,
          .subject = named(name),
          .not_before = kNow - before,
          .not_after = kNow + after,
          .is_ca = true,
          .path_length = std::nullopt,
          .key_usage = crypto::kDigitalSignature | crypto::kKeyCertSign | crypto::kCrlSign,
          .dns_names = {},
          .ip_addresses = {},
          .extensions = {}};
}

Bytes leaf_serial() {
  Bytes out = from_hex(kEnclaveId).value();
  const auto issued = std::chrono::duration_cast<seconds>(kNow.time_since_epoch()).count();
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(issued >> shift));
  }
  return out;
}

}  // namespace

ChainSpec aws_like_chain() {
  const std::string scope = std::string(kRegion) + ".aws.nitro-enclaves";
  ChainSpec out;
  out[kRoot] = authority(nullptr, "aws.nitro-enclaves", 1, hours(24 * 365), hours(24 * 3650));
  out[kRegional] = authority(&out[kRoot], "0011223344556677." + scope, 2, hours(72), hours(400));
  out[kZonal] =
      authority(&out[kRegional], "8899aabbccddeeff.zonal." + scope, 3, hours(24), hours(120));
  out[kInstance] =
      authority(&out[kZonal], std::string(kInstanceId) + "." + scope, 4, hours(1), hours(23));
  out[kRegional].path_length = 2;
  out[kZonal].path_length = 1;
  out[kInstance].path_length = 0;
  out[kInstance].key_usage = crypto::kKeyCertSign;
  out[kLeaf] = out[kInstance];
  out[kLeaf].issuer = out[kInstance].subject;
  out[kLeaf].subject =
      named(std::string(kInstanceId) + "-enc" + kEnclaveId + "." + kRegion + ".aws");
  out[kLeaf].serial = leaf_serial();
  out[kLeaf].not_before = kNow - seconds(3);
  out[kLeaf].not_after = kNow + hours(3);
  out[kLeaf].is_ca = false;
  out[kLeaf].path_length = std::nullopt;
  out[kLeaf].key_usage = crypto::kDigitalSignature | crypto::kNonRepudiation;
  out[kLeaf].key_usage_critical = false;
  return out;
}

const crypto::EcPrivateKey& key_of(Position position) {
  static const auto keys = [] {
    std::vector<crypto::EcPrivateKey> out;
    out.reserve(kChainSize);
    for (std::size_t i = 0; i < kChainSize; ++i) {
      out.push_back(crypto::EcPrivateKey::generate(crypto::Curve::p384).value());
    }
    return out;
  }();
  return keys[position];
}

Chain issue(const ChainSpec& spec) {
  Chain out;
  for (std::size_t i = 0; i < kChainSize; ++i) {
    const auto issuer = static_cast<Position>(i == 0 ? 0 : i - 1);
    Bytes der = crypto::build_certificate(spec[i], key_of(static_cast<Position>(i)).public_key(),
                                          key_of(issuer))
                    .value();
    if (i == kLeaf) {
      out.leaf = std::move(der);
    } else {
      out.cabundle.push_back(std::move(der));
    }
  }
  return out;
}

TrustRoot root_of(const Chain& chain) {
  return TrustRoot::from_der(chain.cabundle.front()).value();
}

Document healthy_document(const Chain& chain) {
  Document out{.kind = Kind::enclave,
               .module_id = std::string(kInstanceId) + "-enc" + kEnclaveId,
               .digest = "SHA384",
               .timestamp = kNow,
               .pcrs = {},
               .certificate = chain.leaf,
               .cabundle = chain.cabundle,
               .public_key = {},
               .user_data = {},
               .nonce = {},
               .unknown_fields = {}};
  for (std::uint8_t i = 0; i < 16; ++i) out.pcrs[i] = Bytes(48, i < 4 ? i + 1 : 0);
  out.pcrs[4] = to_bytes(ByteView(crypto::sha384({Bytes(48, 0), as_bytes(kInstanceId)})));
  return out;
}

Bytes encoded(const std::function<void(cbor::Writer&)>& write) {
  cbor::Writer out;
  write(out);
  return std::move(out).take();
}

Fields fields_of(const Document& document) {
  const auto text = [](const std::string& value) {
    return encoded([&](cbor::Writer& w) { w.text(value); });
  };
  const auto bytes_or_null = [](const std::optional<Bytes>& value) {
    return encoded([&](cbor::Writer& w) { value ? w.bytes(*value) : w.null(); });
  };
  const Bytes pcrs = encoded([&](cbor::Writer& w) {
    w.map(document.pcrs.size());
    for (const auto& [index, value] : document.pcrs) w.unsigned_integer(index).bytes(value);
  });
  const Bytes cabundle = encoded([&](cbor::Writer& w) {
    w.array(document.cabundle.size());
    for (const Bytes& der : document.cabundle) w.bytes(der);
  });
  const auto milliseconds =
      static_cast<std::uint64_t>(document.timestamp.time_since_epoch().count());
  return {{"module_id", text(document.module_id)},
          {"digest", text(document.digest)},
          {"timestamp", encoded([&](cbor::Writer& w) { w.unsigned_integer(milliseconds); })},
          {document.kind == Kind::enclave ? "pcrs" : "nitrotpm_pcrs", pcrs},
          {"certificate", bytes_or_null(document.certificate)},
          {"cabundle", cabundle},
          {"public_key", bytes_or_null(document.public_key)},
          {"user_data", bytes_or_null(document.user_data)},
          {"nonce", bytes_or_null(document.nonce)}};
}

Bytes payload_of(const Fields& fields) {
  return encoded([&](cbor::Writer& w) {
    w.map(fields.size());
    for (const auto& [name, value] : fields) w.text(name).raw(value);
  });
}

Bytes sign(ByteView payload) { return sign_cose_sign1(payload, key_of(kLeaf)).value(); }

Bytes sign(const Document& document) { return sign(payload_of(fields_of(document))); }

}  // namespace cofferdam::attest::test
