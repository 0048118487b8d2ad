// SPDX-License-Identifier: Apache-2.0
#include "eif/report.h"

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "eif/signature.h"

namespace cofferdam::eif {
namespace {

// `value` in at least two places.
template <class Number>
std::string two_places(Number value, char fill) {
  std::string out = std::to_string(value);
  if (out.size() < 2) out.insert(out.begin(), fill);
  return out;
}

// As OpenSSL prints times: "Jan  2 03:04:05 2026 GMT".
std::string openssl_time(Timestamp time) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::string out(kMonths.at(static_cast<unsigned>(date.month()) - 1));
  out += " " + two_places(static_cast<unsigned>(date.day()), ' ');
  out += " " + two_places(clock.hours().count(), '0');
  out += ":" + two_places(clock.minutes().count(), '0');
  out += ":" + two_places(clock.seconds().count(), '0');
  return out + " " + std::to_string(static_cast<int>(date.year())) + " GMT";
}

// "0A:FF:..."
std::string colon_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    if (!out.empty()) out += ':';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0xf];
  }
  return out;
}

json::object certificate_json(const crypto::CertificateView& certificate) {
  json::object issuer;
  for (const auto& [type, value] : certificate.issuer) issuer[type] = value;
  return {{"IssuerName", issuer},
          {"Algorithm", certificate.signature_algorithm},
          {"NotBefore", openssl_time(certificate.not_before)},
          {"NotAfter", openssl_time(certificate.not_after)},
          {"Signature", colon_hex(certificate.signature)}};
}

// Everything under BuildMetadata and CustomMetadata, side by side.
json::object flat_metadata(const json::object& metadata) {
  json::object out;
  const auto spread = [&](std::string_view name) {
    const json::value* part = metadata.if_contains(name);
    if (part == nullptr || !part->is_object()) return;
    for (const auto& [key, value] : part->get_object()) out.insert_or_assign(key, value);
  };
  spread("BuildMetadata");
  if (const json::value* docker = metadata.if_contains("DockerInfo")) out["DockerInfo"] = *docker;
  spread("CustomMetadata");
  return out;
}

void add_metadata(const Image& image, json::object& out) {
  const std::optional<ByteView> section = image.metadata();
  if (!section) return;
  const auto parsed = parse_json(as_text(*section), kMaxMetadataSize);
  if (!parsed || !parsed->is_object()) return;
  const json::object& metadata = parsed->get_object();
  for (const std::string_view name : {"ImageName", "ImageVersion"}) {
    if (const json::value* value = metadata.if_contains(name)) out[name] = *value;
  }
  out["Metadata"] = flat_metadata(metadata);
}

}  // namespace

json::object measurements_json(const Measurements& measurements) {
  json::object out{{"HashAlgorithm", "Sha384 { ... }"},
                   {"PCR0", to_hex(measurements.pcr0)},
                   {"PCR1", to_hex(measurements.pcr1)},
                   {"PCR2", to_hex(measurements.pcr2)}};
  if (measurements.pcr8) out["PCR8"] = to_hex(*measurements.pcr8);
  return out;
}

Result<json::object> describe(const Image& image) {
  COFFERDAM_TRY(Image::Scan found, image.scan());
  const std::optional<ByteView> signature = image.signature();
  json::object certificate;
  if (signature) {
    COFFERDAM_TRY(const SigningCertificate signing, signing_certificate(*signature));
    found.measurements.pcr8 = signing.pcr8;
    certificate = certificate_json(signing.view);
  }
  json::object out{{"EifVersion", image.header().version},
                   {"Measurements", measurements_json(found.measurements)},
                   {"IsSigned", signature.has_value()}};
  if (signature) out["SigningCertificate"] = certificate;
  out["CheckCRC"] = found.crc_matches;
  if (signature) {
    out["SignatureCheck"] = verify_signature(*signature, found.measurements.pcr0).has_value();
  }
  add_metadata(image, out);
  return out;
}

}  // namespace cofferdam::eif
