// SPDX-License-Identifier: Apache-2.0
#include "attest/release_manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "attest/cose.h"
#include "attest/reason.h"
#include "base/encoding.h"
#include "bytes/cbor.h"
#include "crypto/certificate_view.h"

namespace cofferdam::attest {
namespace {

constexpr std::string_view kDomain = "cofferdam/release/v1";
constexpr std::array<std::uint8_t, 5> kRegisters{0, 1, 2, 8, 16};
constexpr std::size_t kPcrSize = 48;
constexpr std::uint8_t kSignerRegister = 8;
constexpr std::uint64_t kMaxTime = 253402300799999;  // The last millisecond of the year 9999.

constexpr cbor::Limits kLimits{.max_size = kMaxManifestSize,
                               .max_depth = 3,
                               .max_items = 32,
                               .allow_indefinite = false,
                               .allow_long_heads = false};

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kManifestMalformed,
              "release manifest: " + std::move(detail));
}

// A failure of a layer below, said of the manifest.
std::unexpected<Error> malformed(const Error& error) { return malformed(error.detail); }

struct Envelope {
  ByteView certificate;
  ByteView signed_message;
};

Result<Envelope> read_envelope(const cbor::Item& root) {
  COFFERDAM_TRY(const auto parts, root.array());
  if (parts.size() != 3) return fail(Errc::invalid_input, "expected an array of 3");
  COFFERDAM_TRY(const std::string_view domain, parts[0].text());
  if (domain != kDomain) return fail(Errc::invalid_input, "not of version cofferdam/release/v1");
  Envelope out;
  COFFERDAM_TRY(out.certificate, parts[1].bytes());
  COFFERDAM_TRY(out.signed_message, parts[2].bytes());
  return out;
}

Result<Envelope> parse_envelope(ByteView bytes) {
  const auto root = cbor::parse(bytes, kLimits);
  if (!root) return malformed(root.error());
  auto envelope = read_envelope(*root);
  if (!envelope) return malformed(envelope.error());
  return envelope;
}

Result<Pcrs> read_pcrs(const cbor::Item& item) {
  COFFERDAM_TRY(const auto entries, item.map());
  Pcrs out;
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    COFFERDAM_TRY(const std::uint64_t index, entries[i].unsigned_integer());
    COFFERDAM_TRY(const ByteView value, entries[i + 1].bytes());
    if (std::ranges::find(kRegisters, index) == kRegisters.end() || value.size() != kPcrSize) {
      return fail(Errc::invalid_input, "expected registers 0, 1, 2, 8 and 16 of 48 bytes");
    }
    out[static_cast<std::uint8_t>(index)] = to_bytes(value);
  }
  return out;
}

Result<const cbor::Item*> member(const cbor::Item& map, std::string_view name) {
  const cbor::Item* found = map.find(name);
  if (found == nullptr) return fail(Errc::invalid_input, "lacks " + std::string(name));
  return found;
}

Result<ReleaseManifest> read_manifest(const cbor::Item& root) {
  ReleaseManifest out;
  COFFERDAM_TRY(const cbor::Item* name, member(root, "name"));
  COFFERDAM_TRY(out.name, name->text());
  COFFERDAM_TRY(const cbor::Item* pcrs, member(root, "pcrs"));
  COFFERDAM_TRY(out.pcrs, read_pcrs(*pcrs));
  COFFERDAM_TRY(const cbor::Item* release, member(root, "release"));
  COFFERDAM_TRY(out.release, release->unsigned_integer());
  COFFERDAM_TRY(const cbor::Item* not_after, member(root, "not_after"));
  COFFERDAM_TRY(const std::uint64_t milliseconds, not_after->unsigned_integer());
  if (milliseconds > kMaxTime) return fail(Errc::invalid_input, "not_after is beyond year 9999");
  out.not_after = Timestamp(std::chrono::milliseconds(milliseconds));
  return out;
}

Status check_values(const ReleaseManifest& manifest) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (manifest.name.empty() || manifest.name.size() > kMaxReleaseNameSize ||
      std::ranges::any_of(manifest.name, is_control)) {
    return malformed("expected a name of 1 to 128 bytes without control characters");
  }
  const auto complete = [&manifest](std::uint8_t index) {
    const auto found = manifest.pcrs.find(index);
    return found != manifest.pcrs.end() && found->second.size() == kPcrSize;
  };
  if (manifest.pcrs.size() != kRegisters.size() || !std::ranges::all_of(kRegisters, complete)) {
    return malformed("expected exactly registers 0, 1, 2, 8 and 16 of 48 bytes");
  }
  if (manifest.not_after < Timestamp()) return malformed("not_after is before 1970");
  return {};
}

Result<crypto::EcPublicKey> key_of(ByteView certificate) {
  COFFERDAM_TRY(const auto view, crypto::CertificateView::parse(certificate));
  return crypto::EcPublicKey::from_spki(view.spki);
}

// The payload, once it is certain who signed it.
Result<ByteView> authenticate(const Envelope& envelope, const Pcrs& pcrs) {
  const auto signer = pcrs.find(kSignerRegister);
  if (signer == pcrs.end() ||
      !std::ranges::equal(signer->second, pcr8_of_certificate(envelope.certificate))) {
    return fail(Errc::unauthenticated, reason::kManifestUntrusted,
                "the release manifest's certificate is not the one that signed the image");
  }
  const auto key = key_of(envelope.certificate);
  if (!key) return malformed(key.error());
  const auto message = parse_cose_sign1(envelope.signed_message, kMaxManifestSize);
  if (!message) return malformed(message.error());
  if (const Status good = verify_cose_sign1(*message, *key); !good) {
    return fail(Errc::unauthenticated, reason::kBadSignature,
                "the release manifest: " + good.error().detail);
  }
  return message->payload;
}

Status check_registers(const ReleaseManifest& manifest, const Pcrs& pcrs) {
  for (const auto& [index, wanted] : manifest.pcrs) {
    const auto found = pcrs.find(index);
    if (found != pcrs.end() && found->second == wanted) continue;
    return fail(Errc::denied, reason::kPcrMismatch,
                "PCR" + std::to_string(index) + ": the release has " + to_hex(wanted) +
                    ", the enclave " +
                    (found == pcrs.end() ? std::string("none") : to_hex(found->second)));
  }
  return {};
}

Status judge(const ReleaseManifest& manifest, const Pcrs& pcrs,
             const ManifestExpectations& expected) {
  if (manifest.release < expected.minimum_release) {
    return fail(Errc::denied, reason::kReleaseTooOld,
                "expected release " + std::to_string(expected.minimum_release) +
                    " or later, found " + std::to_string(manifest.release));
  }
  if (expected.at > manifest.not_after) {
    return fail(Errc::denied, reason::kManifestExpired,
                "the release manifest was valid until " + format_rfc3339(manifest.not_after));
  }
  COFFERDAM_CHECK(check_registers(manifest, pcrs));
  if (manifest.name != expected.name) {
    return fail(Errc::denied, reason::kNameMismatch,
                "expected a release of " + expected.name + ", found one of " + manifest.name);
  }
  return {};
}

}  // namespace

Bytes ReleaseManifest::encode() const {
  cbor::Writer out;
  out.map(4).text("name").text(name).text("pcrs").map(pcrs.size());
  for (const auto& [index, value] : pcrs) out.unsigned_integer(index).bytes(value);
  out.text("release").unsigned_integer(release);
  out.text("not_after")
      .unsigned_integer(static_cast<std::uint64_t>(not_after.time_since_epoch().count()));
  return std::move(out).take();
}

Result<ReleaseManifest> ReleaseManifest::decode(ByteView payload) {
  const auto root = cbor::parse(payload, kLimits);
  if (!root) return malformed(root.error());
  auto out = read_manifest(*root);
  if (!out) return malformed(out.error());
  COFFERDAM_CHECK(check_values(*out));
  // One form only: no other members, no other order.
  if (!std::ranges::equal(out->encode(), payload)) return malformed("not in its canonical form");
  return out;
}

crypto::Sha384 pcr8_of_certificate(ByteView der) {
  return crypto::sha384({crypto::Sha384{}, crypto::sha384(der)});
}

Result<Bytes> sign_release_manifest(const ReleaseManifest& manifest, ByteView certificate_der,
                                    const crypto::SigningKey& key) {
  COFFERDAM_CHECK(check_values(manifest));
  if (!std::ranges::equal(manifest.pcrs.at(kSignerRegister),
                          pcr8_of_certificate(certificate_der))) {
    return fail(Errc::invalid_input, "PCR8 of the release is not that of the signing certificate");
  }
  COFFERDAM_TRY(const crypto::EcPublicKey stated, key_of(certificate_der));
  if (stated.spki() != key.public_key().spki()) {
    return fail(Errc::invalid_input, "the private key is not the signing certificate's");
  }
  COFFERDAM_TRY(const Bytes message, sign_cose_sign1(manifest.encode(), key));
  cbor::Writer out;
  out.array(3).text(kDomain).bytes(certificate_der).bytes(message);
  if (out.view().size() > kMaxManifestSize) {
    return fail(Errc::invalid_input, "the signing certificate is too large for a manifest");
  }
  return std::move(out).take();
}

Result<UnverifiedManifest> parse_release_manifest(ByteView bytes) {
  COFFERDAM_TRY(const Envelope envelope, parse_envelope(bytes));
  const auto message = parse_cose_sign1(envelope.signed_message, kMaxManifestSize);
  if (!message) return malformed(message.error());
  COFFERDAM_TRY(ReleaseManifest manifest, ReleaseManifest::decode(message->payload));
  return UnverifiedManifest{.manifest = std::move(manifest),
                            .certificate = to_bytes(envelope.certificate)};
}

Result<ReleaseManifest> verify_release_manifest(ByteView bytes, const Pcrs& pcrs,
                                                const ManifestExpectations& expected) {
  COFFERDAM_TRY(const Envelope envelope, parse_envelope(bytes));
  COFFERDAM_TRY(const ByteView payload, authenticate(envelope, pcrs));
  COFFERDAM_TRY(ReleaseManifest manifest, ReleaseManifest::decode(payload));
  COFFERDAM_CHECK(judge(manifest, pcrs, expected));
  return manifest;
}

Result<ReleaseManifest> verify_release_manifest(ByteView bytes, const VerifiedDocument& document,
                                                const ManifestExpectations& expected) {
  return verify_release_manifest(bytes, document.document().pcrs, expected);
}

}  // namespace cofferdam::attest
