// SPDX-License-Identifier: Apache-2.0
#include "channel/request.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "bytes/cbor.h"
#include "channel/reason.h"
#include "crypto/mac.h"
#include "crypto/random.h"

namespace cofferdam::channel {
namespace {

constexpr std::size_t kMinIdSize = 16;
constexpr std::size_t kMaxIdSize = 64;
constexpr std::size_t kMaxClientSize = 64;
constexpr std::size_t kMaxDeadlineDigits = 15;  // Beyond the year 9999.
constexpr std::size_t kIdRandomSize = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }
bool is_id_character(char c) { return is_lower_alnum(to_lower(c)) || c == '-' || c == '_'; }
bool is_client_character(char c) { return is_lower_alnum(c) || c == '-' || c == '_' || c == '.'; }

std::unexpected<Error> malformed(std::string_view header, std::string_view expected) {
  return fail(Errc::invalid_input, reason::kRequestMalformed,
              std::string(header) + ": expected " + std::string(expected));
}

// The value of a header that comes at most once.
Result<std::optional<std::string_view>> single(const net::Headers& headers,
                                               std::string_view wanted) {
  std::optional<std::string_view> out;
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(name, wanted)) continue;
    if (out) return malformed(wanted, "it once");
    out = value;
  }
  return out;
}

Status read_id(const net::Headers& headers, std::string& out) {
  COFFERDAM_TRY(const auto text, single(headers, kIdHeader));
  if (!text || text->size() < kMinIdSize || text->size() > kMaxIdSize ||
      !std::ranges::all_of(*text, is_id_character)) {
    return malformed(kIdHeader, "16 to 64 letters, digits, '-' and '_'");
  }
  out = *text;
  return {};
}

Status read_deadline(const net::Headers& headers, Timestamp& out) {
  COFFERDAM_TRY(const auto text, single(headers, kDeadlineHeader));
  std::int64_t number = 0;
  if (text && !text->empty() && text->size() <= kMaxDeadlineDigits && text->front() != '0' &&
      std::ranges::all_of(*text, is_digit)) {
    std::from_chars(text->data(), text->data() + text->size(), number);
  }
  if (number == 0) return malformed(kDeadlineHeader, "milliseconds since 1970, decimal");
  out = Timestamp(std::chrono::milliseconds(number));
  return {};
}

Status read_client(const net::Headers& headers, std::string& out) {
  COFFERDAM_TRY(const auto text, single(headers, kClientHeader));
  if (!text) return {};
  if (text->empty() || text->size() > kMaxClientSize ||
      !std::ranges::all_of(*text, is_client_character)) {
    return malformed(kClientHeader, "the name of a client");
  }
  out = *text;
  return {};
}

Status read_mac(const net::Headers& headers, std::optional<crypto::Sha384>& out) {
  COFFERDAM_TRY(const auto text, single(headers, kMacHeader));
  if (!text) return {};
  const auto bytes = from_hex(*text);
  crypto::Sha384 mac{};
  if (!bytes || bytes->size() != mac.size() || to_hex(*bytes) != *text) {
    return malformed(kMacHeader, "96 hexadecimal digits in lower case");
  }
  std::ranges::copy(*bytes, mac.begin());
  out = mac;
  return {};
}

std::uint64_t milliseconds_of(Timestamp time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

Result<RequestClaim> parse_claim(const net::Headers& headers) {
  RequestClaim out;
  COFFERDAM_CHECK(read_id(headers, out.id));
  COFFERDAM_CHECK(read_deadline(headers, out.deadline));
  COFFERDAM_CHECK(read_client(headers, out.client));
  COFFERDAM_CHECK(read_mac(headers, out.mac));
  return out;
}

Bytes canonical_request(const net::HttpRequest& request, const RequestClaim& claim,
                        const net::TlsExporter& exporter) {
  cbor::Writer out;
  out.array(8).text(kRequestDomain).text(request.method).text(request.target);
  out.bytes(crypto::sha384(request.body));
  out.text(claim.id).unsigned_integer(milliseconds_of(claim.deadline)).text(claim.client);
  out.bytes(exporter);
  return std::move(out).take();
}

crypto::Sha384 request_mac(const Secret& key, const net::HttpRequest& request,
                           const RequestClaim& claim, const net::TlsExporter& exporter) {
  const Bytes mac = crypto::hmac(crypto::HmacHash::sha384, key.reveal(),
                                 canonical_request(request, claim, exporter));
  crypto::Sha384 out{};
  std::ranges::copy(mac, out.begin());
  return out;
}

void stamp(net::HttpRequest& request, const RequestClaim& claim) {
  strip_claim(request.headers);
  net::Headers& headers = request.headers;
  headers.emplace_back(kIdHeader, claim.id);
  headers.emplace_back(kDeadlineHeader, std::to_string(milliseconds_of(claim.deadline)));
  if (!claim.client.empty()) headers.emplace_back(kClientHeader, claim.client);
  if (claim.mac) headers.emplace_back(kMacHeader, to_hex(*claim.mac));
}

std::string new_request_id() { return to_hex(crypto::random_bytes(kIdRandomSize)); }

void strip_claim(net::Headers& headers) {
  std::erase_if(headers, [](const auto& header) {
    return header.first.size() >= kHeaderPrefix.size() &&
           equal_ignoring_case(std::string_view(header.first).substr(0, kHeaderPrefix.size()),
                               kHeaderPrefix);
  });
}

}  // namespace cofferdam::channel
