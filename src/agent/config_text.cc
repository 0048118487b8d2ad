// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "agent/config_sections.h"
#include "base/beneath.h"
#include "base/encoding.h"
#include "base/time.h"

namespace cofferdam::agent {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_lower_alnum(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return is_lower_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return is_lower_alnum(c) || c == '-' || c == '.';
  });
}

Result<std::string> read_name(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(std::string out, table.text(key));
  if (!is_name(out)) return table.refuse(key, "is not made of a-z, 0-9, '-', '_', '.'");
  return out;
}

Result<crypto::Sha384> read_pcr(const StrictTable& table, std::string_view key,
                                std::string_view hex) {
  const auto bytes = from_hex(hex);
  crypto::Sha384 out{};
  if (!bytes || bytes->size() != out.size()) return table.refuse(key, "is not 96 hex digits");
  std::ranges::copy(*bytes, out.begin());
  return out;
}

Result<crypto::Sha384> read_certificate_pcr(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(const std::string hex, table.text(key));
  COFFERDAM_TRY(const crypto::Sha384 out, read_pcr(table, key, hex));
  if (out == crypto::Sha384{}) return table.refuse(key, "is all zero: no certificate");
  return out;
}

bool is_image_path(std::string_view path) {
  return path.starts_with('/') && path_components(path).has_value();
}

Result<std::optional<std::string>> read_optional_path(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(auto path, table.optional_text(key));
  if (path && !is_image_path(*path)) {
    return table.refuse(key, "is not an absolute path without '.', '..' and '//'");
  }
  return path;
}

Result<std::string> read_path(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(auto path, read_optional_path(table, key));
  if (!path) return table.refuse(key, "is missing");
  return *std::move(path);
}

Result<std::optional<net::Endpoint>> read_optional_endpoint(StrictTable& table,
                                                            std::string_view key) {
  COFFERDAM_TRY(const auto text, table.optional_text(key));
  if (!text) return std::nullopt;
  auto endpoint = net::parse_endpoint(*text);
  if (!endpoint) return table.refuse(key, "is not vsock:CID:PORT, unix:PATH or tcp:HOST:PORT");
  return *std::move(endpoint);
}

Result<net::Endpoint> read_endpoint(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(auto endpoint, read_optional_endpoint(table, key));
  if (!endpoint) return table.refuse(key, "is missing");
  return *std::move(endpoint);
}

Result<std::optional<std::int64_t>> read_optional_integer(StrictTable& table, std::string_view key,
                                                          std::int64_t low, std::int64_t high) {
  COFFERDAM_TRY(const auto out, table.optional_integer(key));
  if (out && (*out < low || *out > high)) {
    return table.refuse(key, "is not from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return out;
}

Result<std::optional<std::chrono::milliseconds>> read_optional_duration(
    StrictTable& table, std::string_view key, std::chrono::milliseconds low,
    std::chrono::milliseconds high) {
  COFFERDAM_TRY(const auto text, table.optional_text(key));
  if (!text) return std::nullopt;
  const auto out = parse_duration(*text);
  if (!out) return table.refuse(key, "is not a duration such as 250ms, 10s or 5m");
  if (*out < low || *out > high) {
    return table.refuse(key, "is not from " + std::to_string(low.count()) + " to " +
                                 std::to_string(high.count()) + " milliseconds");
  }
  return *out;
}

Result<net::TcpAddress> read_address(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(const std::string text, table.text(key));
  const std::size_t colon = text.rfind(':');
  net::TcpAddress out;
  out.host = text.substr(0, colon);
  const std::string digits = colon == text.npos ? "" : text.substr(colon + 1);
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, out.port);
  if (!is_host(out.host) || error != std::errc() || stop != end || out.port == 0) {
    return table.refuse(key, "is not HOST:PORT in lower case");
  }
  return out;
}

Result<std::optional<net::TcpAddress>> read_optional_https(StrictTable& table,
                                                           std::string_view key) {
  constexpr std::string_view kScheme = "https://";
  COFFERDAM_TRY(const auto text, table.optional_text(key));
  if (!text) return std::nullopt;
  std::string_view url = *text;
  if (!url.starts_with(kScheme)) return table.refuse(key, "does not start with https://");
  url.remove_prefix(kScheme.size());
  const std::size_t colon = url.find(':');
  net::TcpAddress out{.host = std::string(url.substr(0, colon)), .port = 443};
  if (!is_host(out.host)) return table.refuse(key, "is not https://HOST[:PORT] in lower case");
  if (colon == url.npos) return out;
  const std::string_view digits = url.substr(colon + 1);
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, out.port);
  if (error != std::errc() || stop != end || out.port == 0) {
    return table.refuse(key, "has no port from 1 to 65535");
  }
  return out;
}

std::string aws_host(std::string_view service, std::string_view region) {
  std::string out = std::string(service) + "." + std::string(region) + ".amazonaws.com";
  if (region.starts_with("cn-")) out += ".cn";
  return out;
}

Status check_stable_secret(const StrictTable& table, std::string_view key, const Config& config,
                           std::string_view name) {
  const SecretSpec* secret = config.find_secret(name);
  if (secret == nullptr) return table.refuse(key, "names a secret that is not declared");
  if (!secret->is_stable()) {
    return table.refuse(key,
                        "names a secret that is new at each request: declare one with "
                        "Decrypt or DeriveSharedSecret");
  }
  return {};
}

}  // namespace cofferdam::agent
