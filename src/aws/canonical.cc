// SPDX-License-Identifier: Apache-2.0
#include "aws/canonical.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"

namespace cofferdam::aws {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

bool is_unreserved(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_encoded(std::string& out, char c) {
  if (is_unreserved(c)) {
    out.push_back(c);
    return;
  }
  const auto octet = static_cast<unsigned char>(c);
  out.push_back('%');
  out.push_back(kUpperHex[octet >> 4]);
  out.push_back(kUpperHex[octet & 0xf]);
}

std::optional<unsigned> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return fail(Errc::invalid_input, "'%' without two hexadecimal digits");
    out.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return out;
}

// RFC 3986 section 5.2.4, with empty segments dropped too.
std::string normalize_path(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") segments.push_back(segment);
  }
  std::string out;
  for (const auto segment : segments) out.append("/").append(segment);
  if (folder || out.empty()) out += "/";
  return out;
}

// Without white space around, and one space for each run inside.
std::string canonical_value(std::string_view value) {
  std::string out;
  bool gap = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      gap = !out.empty();
      continue;
    }
    if (gap) out.push_back(' ');
    gap = false;
    out.push_back(c);
  }
  return out;
}

// All values under `name`, joined by commas; std::nullopt when there are none.
std::optional<std::string> header_values(const net::Headers& headers, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [key, value] : headers) {
    if (!equal_ignoring_case(key, name)) continue;
    if (out) {
      out->append(",").append(canonical_value(value));
    } else {
      out = canonical_value(value);
    }
  }
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(3 * text.size());  // Never grows: a token leaves no copy behind that nobody wipes.
  for (const char c : text) append_encoded(out, c);
  return out;
}

std::string canonical_path(std::string_view path, PathRule rule) {
  const std::string wanted =
      rule == PathRule::normalize ? normalize_path(path) : std::string(path.empty() ? "/" : path);
  std::string out;
  for (const char c : wanted) {
    if (c == '/') {
      out.push_back(c);
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

Result<QueryParameters> parse_query(std::string_view query) {
  QueryParameters out;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    COFFERDAM_TRY(auto name, percent_decode(pair.substr(0, equals)));
    COFFERDAM_TRY(auto value,
                  percent_decode(equals == std::string_view::npos ? std::string_view()
                                                                  : pair.substr(equals + 1)));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::string canonical_query(const QueryParameters& parameters) {
  QueryParameters encoded;
  for (const auto& [name, value] : parameters) {
    if (name == "X-Amz-Signature") continue;
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  }
  std::ranges::sort(encoded);
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += "&";
    out.append(name).append("=").append(value);
  }
  return out;
}

TargetParts split_target(std::string_view target) noexcept {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {.path = target, .query = {}};
  return {.path = target.substr(0, mark), .query = target.substr(mark + 1)};
}

std::string join_headers(const std::vector<std::string>& signed_headers) {
  std::string out;
  for (const auto& name : signed_headers) {
    if (!out.empty()) out += ";";
    out += name;
  }
  return out;
}

Result<std::string> canonical_request(const net::HttpRequest& request,
                                      const std::vector<std::string>& signed_headers,
                                      std::string_view payload_hash, PathRule rule) {
  const auto [path, query] = split_target(request.target);
  COFFERDAM_TRY(const auto parameters, parse_query(query));
  std::string out = request.method + "\n" + canonical_path(path, rule) + "\n" +
                    canonical_query(parameters) + "\n";
  for (const auto& name : signed_headers) {
    const auto value = header_values(request.headers, name);
    if (!value) return fail(Errc::invalid_input, "a signed header is not in the request");
    out.append(name).append(":").append(*value).append("\n");
  }
  out.append("\n").append(join_headers(signed_headers)).append("\n").append(payload_hash);
  return out;
}

std::string format_basic(Timestamp time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  std::array<char, 32> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

Result<Timestamp> parse_basic(std::string_view text) {
  constexpr std::string_view kShape = "20150830T123600Z";
  const auto wrong = [] {
    return fail(Errc::invalid_input, "time is not written as 20150830T123600Z");
  };
  if (text.size() != kShape.size()) return wrong();
  std::string extended(text.substr(0, 4));
  extended.append("-").append(text.substr(4, 2)).append("-").append(text.substr(6, 5));
  extended.append(":").append(text.substr(11, 2)).append(":").append(text.substr(13));
  const auto time = parse_rfc3339(extended);
  if (!time || format_basic(*time) != text) return wrong();
  return *time;
}

std::string scope_text(std::string_view date, std::string_view region, std::string_view service) {
  std::string out(date);
  out.append("/").append(region).append("/").append(service).append("/").append(kTerminator);
  return out;
}

std::string string_to_sign(Timestamp time, std::string_view scope, std::string_view canonical) {
  std::string out(kAlgorithm);
  out.append("\n").append(format_basic(time)).append("\n").append(scope).append("\n");
  return out + to_hex(crypto::sha256(as_bytes(canonical)));
}

}  // namespace cofferdam::aws
