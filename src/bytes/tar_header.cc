// SPDX-License-Identifier: Apache-2.0
#include "bytes/tar_header.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "bytes/tar.h"

namespace cofferdam::tar {
namespace {

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kTarget{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kDeviceMajor{329, 8};
constexpr Field kDeviceMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarMagic{508, 4};

constexpr std::string_view kUstar{"ustar\00000", 8};
constexpr std::string_view kGnu{"ustar  \0", 8};
constexpr std::string_view kStar{"tar\0", 4};

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, reason::kMalformed, std::move(detail));
}

ByteView at(ByteView block, Field field) { return block.subspan(field.offset, field.size); }

// Text up to the first NUL, or all of the field.
std::string text(ByteView block, Field field) {
  const std::string_view all = as_text(at(block, field));
  return std::string(all.substr(0, all.find('\0')));
}

// The sum of all bytes, those of the checksum itself taken as spaces. Some old programs
// added signed bytes.
Status check_sum(ByteView block) {
  COFFERDAM_TRY(const std::int64_t expected, parse_number(at(block, kChecksum)));
  std::int64_t sum = 0;
  std::int64_t signed_sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const std::uint8_t byte = own ? ' ' : block[i];
    sum += byte;
    signed_sum += static_cast<std::int8_t>(byte);
  }
  if (expected != sum && expected != signed_sum) {
    return bad("a header with a wrong checksum; is this a tar archive?");
  }
  return {};
}

// What stands in front of the name in the formats that have it.
std::string prefix(ByteView block, std::string_view magic) {
  if (magic != kUstar) return {};
  const bool star = as_text(at(block, kStarMagic)) == kStar;
  return text(block, star ? kStarPrefix : kPrefix);
}

Result<std::int64_t> parse_base256(ByteView field) {
  const bool negative = (field[0] & 0x40) != 0;
  const std::uint8_t filler = negative ? 0xff : 0x00;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    std::uint8_t byte = field[i];
    if (i == 0 && !negative) byte &= 0x7f;
    const bool beyond = field.size() - i > sizeof(value);
    if (beyond && byte != filler) return bad("a number of more than 63 bits");
    value = (value << 8) | byte;
  }
  const auto out = static_cast<std::int64_t>(value);
  if ((out < 0) != negative) return bad("a number of more than 63 bits");
  return out;
}

}  // namespace

Result<std::int64_t> parse_number(ByteView field) {
  if (!field.empty() && (field[0] & 0x80) != 0) return parse_base256(field);
  std::string_view digits = as_text(field);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  std::int64_t value = 0;
  while (!digits.empty() && digits[0] >= '0' && digits[0] <= '7') {
    value = value * 8 + (digits[0] - '0');  // At most 12 digits.
    digits.remove_prefix(1);
  }
  if (digits.find_first_not_of(std::string_view(" \0", 2)) != digits.npos) {
    return bad("a header field that is no octal number");
  }
  return value;
}

Result<Header> Header::parse(ByteView block) {
  COFFERDAM_CHECK(check_sum(block));
  Header out;
  const std::string_view magic = as_text(at(block, kMagic));
  out.type = static_cast<char>(block[kType]);
  out.name = text(block, kName);
  out.target = text(block, kTarget);
  if (const std::string front = prefix(block, magic); !front.empty()) {
    out.name = front + '/' + out.name;
  }
  COFFERDAM_TRY(out.mode, parse_number(at(block, kMode)));
  COFFERDAM_TRY(out.uid, parse_number(at(block, kUid)));
  COFFERDAM_TRY(out.gid, parse_number(at(block, kGid)));
  COFFERDAM_TRY(out.size, parse_number(at(block, kSize)));
  COFFERDAM_TRY(out.mtime, parse_number(at(block, kMtime)));
  if (magic == kUstar || magic == kGnu) {
    COFFERDAM_TRY(out.device_major, parse_number(at(block, kDeviceMajor)));
    COFFERDAM_TRY(out.device_minor, parse_number(at(block, kDeviceMinor)));
  }
  return out;
}

Result<Records> parse_records(std::string_view text) {
  Records out;
  while (!text.empty()) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || size > text.size() || size < digits + 2 || text[digits] != ' ' ||
        text[size - 1] != '\n') {
      return bad("an extended header whose records do not have the length they name");
    }
    const std::string_view record = text.substr(digits + 1, size - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == 0 || equals == record.npos) {
      return bad("an extended header with a record that has no keyword");
    }
    if (!out.emplace(record.substr(0, equals), record.substr(equals + 1)).second) {
      return bad("an extended header that says the same thing twice");
    }
    text.remove_prefix(size);
  }
  return out;
}

Result<std::int64_t> parse_decimal(std::string_view text) {
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  std::string_view fraction(end, static_cast<std::size_t>(last - end));
  if (fraction.starts_with('.')) {
    fraction.remove_prefix(1);
    if (text.starts_with('-') && fraction.find_first_not_of('0') != fraction.npos &&
        value > INT64_MIN) {
      --value;
    }
    fraction.remove_prefix(std::min(fraction.find_first_not_of("0123456789"), fraction.size()));
  }
  if (error != std::errc{} || !fraction.empty()) {
    return bad("an extended header with a number that is none");
  }
  return value;
}

}  // namespace cofferdam::tar
