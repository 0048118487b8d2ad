// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate_builder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

#include "bytes/der.h"
#include "crypto/digest.h"

namespace cofferdam::crypto {
namespace {

using std::chrono::seconds;

struct AttributeType {
  std::string_view name;
  std::string_view oid;
};

constexpr std::array<AttributeType, 6> kAttributes{{{"C", "2.5.4.6"},
                                                    {"ST", "2.5.4.8"},
                                                    {"L", "2.5.4.7"},
                                                    {"O", "2.5.4.10"},
                                                    {"OU", "2.5.4.11"},
                                                    {"CN", "2.5.4.3"}}};

Result<Bytes> encode_name(const Name& name) {
  Bytes content;
  for (const auto& [type, value] : name) {
    const auto* const found =
        std::ranges::find_if(kAttributes, [&](const AttributeType& a) { return a.name == type; });
    if (found == kAttributes.end()) {
      return fail(Errc::invalid_input, "unknown name attribute " + type);
    }
    const der::Tag tag = type == "C" ? der::kPrintableString : der::kUtf8String;
    const Bytes pair = der::encode(der::kSequence, {der::encode_object_identifier(found->oid),
                                                    der::encode(tag, as_bytes(value))});
    const Bytes set = der::encode(der::kSet, pair);
    content.insert(content.end(), set.begin(), set.end());
  }
  return der::encode(der::kSequence, content);
}

// UTCTime up to 2049, GeneralizedTime after: RFC 5280 section 4.1.2.5.
Bytes encode_time(Timestamp time) {
  const auto at = std::chrono::floor<seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  const int year = static_cast<int>(date.year());
  const bool utc = year < 2050;
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), utc ? "%02d%02u%02u%02d%02d%02dZ" : "%04d%02u%02u%02d%02d%02dZ",
      utc ? year % 100 : year, static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return der::encode(utc ? der::kUtcTime : der::kGeneralizedTime,
                     as_bytes({text.data(), static_cast<std::size_t>(size)}));
}

Bytes extension_of(ByteView encoded_oid, bool critical, ByteView value) {
  const Bytes flag = critical ? der::encode_boolean(true) : Bytes{};
  return der::encode(der::kSequence, {encoded_oid, flag, der::encode_octet_string(value)});
}

Bytes extension(std::string_view oid, bool critical, ByteView value) {
  return extension_of(der::encode_object_identifier(oid), critical, value);
}

Bytes basic_constraints(const CertificateSpec& spec) {
  const Bytes ca = spec.is_ca ? der::encode_boolean(true) : Bytes{};
  const Bytes length = spec.path_length ? der::encode_small_integer(*spec.path_length) : Bytes{};
  return extension("2.5.29.19", true, der::encode(der::kSequence, {ca, length}));
}

// A named bit list without trailing zero bits; bit 0 is the most significant.
Bytes key_usage(const CertificateSpec& spec) {
  std::uint8_t bits = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((spec.key_usage >> bit & 1) != 0) bits = static_cast<std::uint8_t>(bits | 0x80 >> bit);
  }
  const auto unused = static_cast<unsigned>(std::countr_zero(bits));
  return extension("2.5.29.15", spec.key_usage_critical,
                   der::encode_bit_string(ByteView(&bits, 1), unused));
}

Result<Bytes> alternative_names(const CertificateSpec& spec) {
  Bytes content;
  const auto add = [&](unsigned tag, ByteView value) {
    const Bytes entry = der::encode(der::context_primitive(tag), value);
    content.insert(content.end(), entry.begin(), entry.end());
  };
  for (const std::string& name : spec.dns_names) add(2, as_bytes(name));
  for (const std::string& text : spec.ip_addresses) {
    std::array<std::uint8_t, 16> address{};
    if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) {
      add(7, ByteView(address).first(4));
    } else if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) {
      add(7, address);
    } else {
      return fail(Errc::invalid_input, "not an IP address: " + text);
    }
  }
  return extension("2.5.29.17", false, der::encode(der::kSequence, content));
}

// The first 160 bits of the SHA-256 of the key's point (RFC 7093 section 2).
Bytes key_identifier(const EcPublicKey& key) {
  const Bytes spki = key.spki();
  const Sha256 digest = sha256(ByteView(spki).last(1 + 2 * coordinate_size(key.curve())));
  return {digest.begin(), digest.begin() + 20};
}

Bytes subject_key_identifier(const EcPublicKey& key) {
  return extension("2.5.29.14", false, der::encode_octet_string(key_identifier(key)));
}

Bytes authority_key_identifier(const EcPublicKey& issuer) {
  const Bytes identifier = der::encode(der::context_primitive(0), key_identifier(issuer));
  return extension("2.5.29.35", false, der::encode(der::kSequence, identifier));
}

Result<Bytes> encode_extensions(const CertificateSpec& spec, const EcPublicKey& subject,
                                const EcPublicKey& issuer) {
  Bytes content = basic_constraints(spec);
  const auto add = [&](const Bytes& part) {
    content.insert(content.end(), part.begin(), part.end());
  };
  if (spec.key_identifiers) {
    if (spec.subject != spec.issuer) add(authority_key_identifier(issuer));
    add(subject_key_identifier(subject));
  }
  if (spec.key_usage != 0) add(key_usage(spec));
  if (spec.server_auth) {
    add(extension("2.5.29.37", false,
                  der::encode(der::kSequence, der::encode_object_identifier("1.3.6.1.5.5.7.3.1"))));
  }
  if (!spec.dns_names.empty() || !spec.ip_addresses.empty()) {
    COFFERDAM_TRY(const Bytes names, alternative_names(spec));
    add(names);
  }
  for (const CertificateExtension& own : spec.extensions) {
    add(extension_of(der::encode(der::kObjectIdentifier, own.oid), false, own.value));
  }
  return der::encode(der::context_constructed(3), der::encode(der::kSequence, content));
}

Bytes signature_algorithm(Curve curve) {
  std::string_view oid = "1.2.840.10045.4.3.2";
  if (curve == Curve::p384) oid = "1.2.840.10045.4.3.3";
  if (curve == Curve::p521) oid = "1.2.840.10045.4.3.4";
  return der::encode(der::kSequence, der::encode_object_identifier(oid));
}

}  // namespace

Result<Bytes> build_certificate(const CertificateSpec& spec, const EcPublicKey& subject_key,
                                const SigningKey& issuer_key) {
  COFFERDAM_TRY(const Bytes issuer, encode_name(spec.issuer));
  COFFERDAM_TRY(const Bytes subject, encode_name(spec.subject));
  COFFERDAM_TRY(const Bytes extensions,
                encode_extensions(spec, subject_key, issuer_key.public_key()));
  const Bytes version = der::encode(der::context_constructed(0), der::encode_small_integer(2));
  const Curve curve = issuer_key.public_key().curve();
  const Bytes algorithm = signature_algorithm(curve);
  const Bytes validity =
      der::encode(der::kSequence, {encode_time(spec.not_before), encode_time(spec.not_after)});
  const Bytes to_be_signed =
      der::encode(der::kSequence, {version, der::encode_unsigned_integer(spec.serial), algorithm,
                                   issuer, validity, subject, subject_key.spki(), extensions});
  COFFERDAM_TRY(const Bytes raw, issuer_key.sign(to_be_signed));
  COFFERDAM_TRY(const Bytes signature, signature_to_der(curve, raw));
  return der::encode(der::kSequence, {to_be_signed, algorithm, der::encode_bit_string(signature)});
}

}  // namespace cofferdam::crypto
