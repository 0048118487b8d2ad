// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "net/http.h"
#include "net/tls_peer.h"

// What a request over a channel says of itself, and the MAC that proves who sent it. Byte
// for byte in docs/channel.md.
namespace cofferdam::channel {

inline constexpr std::string_view kRequestDomain = "cofferdam/request/v1";
inline constexpr std::string_view kIdHeader = "X-Cofferdam-Request-Id";
inline constexpr std::string_view kDeadlineHeader = "X-Cofferdam-Deadline";
inline constexpr std::string_view kClientHeader = "X-Cofferdam-Client";
inline constexpr std::string_view kMacHeader = "X-Cofferdam-Mac";
// Every header that begins so is ours: none of a client's reaches the workload.
inline constexpr std::string_view kHeaderPrefix = "X-Cofferdam-";

// What a key of a MAC must have at least.
inline constexpr std::size_t kMinMacKeySize = 32;

struct RequestClaim {
  std::string id;      // 16 to 64 of A-Z a-z 0-9 - _
  Timestamp deadline;  // Written in milliseconds since 1970, decimal.
  std::string client;  // 1 to 64 of a-z 0-9 - _ . ; empty where the header is absent.
  std::optional<crypto::Sha384> mac;  // 96 hexadecimal digits in lower case.
};

// Reads the claim. A missing id or deadline, a header that comes twice or is written any
// other way: Errc::invalid_input, reason `request_malformed`.
Result<RequestClaim> parse_claim(const net::Headers& headers);

// The bytes under the MAC: deterministic CBOR ["cofferdam/request/v1", method, target,
// SHA-384 of the body, id, deadline in ms, client, exporter].
Bytes canonical_request(const net::HttpRequest& request, const RequestClaim& claim,
                        const net::TlsExporter& exporter);

// HMAC-SHA-384 of it.
crypto::Sha384 request_mac(const Secret& key, const net::HttpRequest& request,
                           const RequestClaim& claim, const net::TlsExporter& exporter);

// Writes the claim's headers in place of any the request has.
void stamp(net::HttpRequest& request, const RequestClaim& claim);

std::string new_request_id();  // 32 hexadecimal digits.

// Leaves out every header of ours.
void strip_claim(net::Headers& headers);

}  // namespace cofferdam::channel
