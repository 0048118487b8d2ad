// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

// The parts of tar.h's Reader, for it and its tests only.
namespace cofferdam::tar {

inline constexpr std::size_t kBlockSize = 512;

// One header block: its checksum holds and its numbers are numbers, but nothing else has
// been judged.
struct Header {
  char type = '0';
  std::string name;
  std::string target;
  std::int64_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;
  std::int64_t device_major = 0;
  std::int64_t device_minor = 0;

  // `block` has kBlockSize bytes.
  static Result<Header> parse(ByteView block);
};

// Octal text, or GNU's base-256 where that does not suffice. A field of zeros is 0.
Result<std::int64_t> parse_number(ByteView field);

using Records = std::map<std::string, std::string, std::less<>>;

// The records of a pax extended header, "LENGTH KEYWORD=VALUE\n" each. A keyword that
// occurs twice is refused.
Result<Records> parse_records(std::string_view text);

// A pax number: decimal, a fraction cut off towards the past.
Result<std::int64_t> parse_decimal(std::string_view text);

}  // namespace cofferdam::tar
