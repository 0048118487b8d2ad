// SPDX-License-Identifier: Apache-2.0
#include "attest/certificate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <string>
#include <vector>

#include "attest/reason.h"
#include "bytes/der.h"
#include "bytes/utf8.h"

namespace cofferdam::attest {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxSerialSize = 20;
constexpr std::size_t kPointSize = 97;  // 04, x, y
constexpr std::size_t kMaxExtensions = 16;

// SEQUENCE { ecdsa-with-SHA384 }, without parameters (RFC 5758 section 3.2).
constexpr std::array<std::uint8_t, 12> kEcdsaWithSha384{0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                                        0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
// SEQUENCE { id-ecPublicKey, secp384r1 } (RFC 5480 section 2.1.1).
constexpr std::array<std::uint8_t, 18> kEcP384{0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                               0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                               0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 3> kCommonName{0x55, 0x04, 0x03};
constexpr std::array<std::uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f};
constexpr std::array<std::uint8_t, 3> kBasicConstraints{0x55, 0x1d, 0x13};

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, reason::kBadChain, "certificate: " + std::move(detail));
}

Status require_algorithm(der::Reader& in, std::string_view where) {
  COFFERDAM_TRY(const der::Element found, in.element(der::kSequence));
  if (std::ranges::equal(found.encoded, kEcdsaWithSha384)) return {};
  return bad(std::string(where) + " signature algorithm is not ecdsa-with-SHA384");
}

Status read_version(der::Reader& in) {
  COFFERDAM_TRY(der::Reader wrapper, in.nested(der::context_constructed(0)));
  COFFERDAM_TRY(const std::uint32_t version, wrapper.small_integer());
  COFFERDAM_CHECK(wrapper.finish());
  if (version != 2) return bad("is not X.509 version 3");
  return {};
}

Status read_serial(der::Reader& in, Certificate& out) {
  COFFERDAM_TRY(out.serial, in.unsigned_integer(kMaxSerialSize));
  if (out.serial.size() == 1 && out.serial[0] == 0) return bad("serial number is zero");
  return {};
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" '()+,-./:=?").contains(c);
  });
}

Result<std::string_view> read_name_text(der::Reader& in) {
  COFFERDAM_TRY(const der::Element value, in.element());
  const std::string_view text = as_text(value.content);
  const bool good = value.tag == der::kPrintableString ? is_printable(text)
                    : value.tag == der::kUtf8String    ? is_utf8(text)
                                                       : false;
  if (!good || text.empty()) return bad("a name holds something else than text");
  return text;
}

// RDNSequence. Gives back the common name, or an empty text where there is none.
Result<std::string_view> read_name(const der::Element& name) {
  std::string_view common_name;
  der::Reader sequence(name.content);
  if (sequence.empty()) return bad("a name is empty");
  while (!sequence.empty()) {
    COFFERDAM_TRY(der::Reader set, sequence.nested(der::kSet));
    COFFERDAM_TRY(der::Reader pair, set.nested(der::kSequence));
    COFFERDAM_CHECK(set.finish());
    COFFERDAM_TRY(const ByteView type, pair.object_identifier());
    COFFERDAM_TRY(const std::string_view text, read_name_text(pair));
    COFFERDAM_CHECK(pair.finish());
    if (!std::ranges::equal(type, kCommonName)) continue;
    if (!common_name.empty()) return bad("a name holds two common names");
    common_name = text;
  }
  return common_name;
}

// Decimal digits only; -1 otherwise.
int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// The form a date must have depends on its year: UTCTime to 2049, GeneralizedTime after.
Result<int> read_year(const der::Element& time) {
  const std::string_view text = as_text(time.content);
  if (time.tag == der::kUtcTime && text.size() == 13) {
    const int year = number(text.substr(0, 2));
    if (year >= 0) return year < 50 ? 2000 + year : 1900 + year;
  }
  if (time.tag == der::kGeneralizedTime && text.size() == 15) {
    const int year = number(text.substr(0, 4));
    if (year >= 2050) return year;
  }
  return bad("a date is neither UTCTime before 2050 nor GeneralizedTime from then on");
}

Result<Timestamp> read_time(der::Reader& in) {
  COFFERDAM_TRY(const der::Element time, in.element());
  COFFERDAM_TRY(const int year, read_year(time));
  const std::string_view rest = as_text(time.content).substr(time.content.size() - 11);
  const auto field = [&](std::size_t index) { return number(rest.substr(2 * index, 2)); };
  const int month = field(0);
  const int day = field(1);
  const int hour = field(2);
  const int minute = field(3);
  const int second = field(4);
  const bool in_range = month >= 1 && day >= 1 && hour >= 0 && hour <= 23 && minute >= 0 &&
                        minute <= 59 && second >= 0 && second <= 59;
  if (!in_range || rest.back() != 'Z') return bad("a date is not a moment in UTC");
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return bad("a date does not exist");
  return Timestamp(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                   std::chrono::minutes(minute) + seconds(second));
}

Result<Validity> read_validity(der::Reader& in) {
  COFFERDAM_TRY(der::Reader pair, in.nested(der::kSequence));
  COFFERDAM_TRY(const Timestamp not_before, read_time(pair));
  COFFERDAM_TRY(const Timestamp not_after, read_time(pair));
  COFFERDAM_CHECK(pair.finish());
  if (not_after < not_before) return bad("ends before it begins");
  return Validity{.not_before = not_before, .not_after = not_after};
}

Result<ByteView> read_public_point(der::Reader& in) {
  COFFERDAM_TRY(der::Reader parts, in.nested(der::kSequence));
  COFFERDAM_TRY(const der::Element algorithm, parts.element(der::kSequence));
  COFFERDAM_TRY(const ByteView point, parts.bit_string());
  COFFERDAM_CHECK(parts.finish());
  if (!std::ranges::equal(algorithm.encoded, kEcP384)) return bad("the key is not on P-384");
  if (point.size() != kPointSize || point[0] != 0x04) {
    return bad("the key is not an uncompressed point");
  }
  return point;
}

Status read_basic_constraints(ByteView value, Certificate& out) {
  der::Reader wrapper(value);
  COFFERDAM_TRY(der::Reader in, wrapper.nested(der::kSequence));
  COFFERDAM_CHECK(wrapper.finish());
  if (in.peek() == der::kBoolean) {
    COFFERDAM_TRY(out.is_ca, in.boolean());
    if (!out.is_ca) return bad("basicConstraints spells out a default");
  }
  if (!in.empty()) {
    COFFERDAM_TRY(out.path_length, in.small_integer());
    if (!out.is_ca) return bad("a path length without being a CA");
  }
  return in.finish();
}

// A named bit list (X.690 section 11.2.2): no trailing zero bits, unused bits zero.
Status read_key_usage(ByteView value, Certificate& out) {
  der::Reader in(value);
  COFFERDAM_TRY(const der::Element bits, in.element(der::kBitString));
  COFFERDAM_CHECK(in.finish());
  const ByteView content = bits.content;
  const bool sized = content.size() == 2 || content.size() == 3;
  if (!sized || content.back() == 0 || content[0] != std::countr_zero(content.back())) {
    return bad("keyUsage is not a canonical bit list");
  }
  for (std::size_t bit = 0; bit < 8 * (content.size() - 1); ++bit) {
    const bool set = (content[1 + bit / 8] >> (7 - bit % 8) & 1) != 0;
    if (set) out.key_usage = static_cast<std::uint16_t>(out.key_usage | 1U << bit);
  }
  return {};
}

Status read_extension(der::Reader& list, std::vector<ByteView>& seen, Certificate& out) {
  COFFERDAM_TRY(der::Reader in, list.nested(der::kSequence));
  COFFERDAM_TRY(const ByteView type, in.object_identifier());
  bool critical = false;
  if (in.peek() == der::kBoolean) {
    COFFERDAM_TRY(critical, in.boolean());
    if (!critical) return bad("an extension spells out a default");
  }
  COFFERDAM_TRY(const ByteView value, in.octet_string());
  COFFERDAM_CHECK(in.finish());
  if (seen.size() == kMaxExtensions) return bad("too many extensions");
  for (const ByteView other : seen) {
    if (std::ranges::equal(other, type)) {
      return bad("extension " + der::dotted(type) + " occurs twice");
    }
  }
  seen.push_back(type);
  if (std::ranges::equal(type, kKeyUsage)) return read_key_usage(value, out);
  if (std::ranges::equal(type, kBasicConstraints)) {
    if (!critical) return bad("basicConstraints is not critical");
    return read_basic_constraints(value, out);
  }
  if (critical) return bad("unknown critical extension " + der::dotted(type));
  return {};
}

Status read_extensions(der::Reader& in, Certificate& out) {
  COFFERDAM_TRY(der::Reader wrapper, in.nested(der::context_constructed(3)));
  COFFERDAM_TRY(der::Reader list, wrapper.nested(der::kSequence));
  COFFERDAM_CHECK(wrapper.finish());
  std::vector<ByteView> seen;
  while (!list.empty()) COFFERDAM_CHECK(read_extension(list, seen, out));
  return {};
}

Status read_to_be_signed(ByteView content, Certificate& out) {
  der::Reader in(content);
  COFFERDAM_CHECK(read_version(in));
  COFFERDAM_CHECK(read_serial(in, out));
  COFFERDAM_CHECK(require_algorithm(in, "inner"));
  COFFERDAM_TRY(const der::Element issuer, in.element(der::kSequence));
  COFFERDAM_TRY([[maybe_unused]] const auto issuer_name, read_name(issuer));
  out.issuer = issuer.encoded;
  COFFERDAM_TRY(out.validity, read_validity(in));
  COFFERDAM_TRY(const der::Element subject, in.element(der::kSequence));
  COFFERDAM_TRY(out.common_name, read_name(subject));
  out.subject = subject.encoded;
  COFFERDAM_TRY(out.public_point, read_public_point(in));
  COFFERDAM_CHECK(read_extensions(in, out));
  return in.finish();
}

Result<Certificate> parse(ByteView bytes) {
  der::Reader file(bytes);
  COFFERDAM_TRY(der::Reader in, file.nested(der::kSequence));
  COFFERDAM_CHECK(file.finish());
  Certificate out;
  COFFERDAM_TRY(const der::Element to_be_signed, in.element(der::kSequence));
  out.to_be_signed = to_be_signed.encoded;
  COFFERDAM_CHECK(read_to_be_signed(to_be_signed.content, out));
  COFFERDAM_CHECK(require_algorithm(in, "outer"));
  COFFERDAM_TRY(out.signature, in.bit_string());
  COFFERDAM_CHECK(in.finish());
  return out;
}

}  // namespace

bool Validity::begins_after(Timestamp at) const noexcept {
  return std::chrono::floor<seconds>(at) < not_before;
}

bool Validity::ended_before(Timestamp at) const noexcept {
  return std::chrono::floor<seconds>(at) > not_after;
}

Result<Certificate> parse_certificate(ByteView der) {
  auto certificate = parse(der);
  if (certificate || !certificate.error().reason.empty()) return certificate;
  return bad(certificate.error().detail);
}

}  // namespace cofferdam::attest
