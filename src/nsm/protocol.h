// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

// Messages of the Nitro Secure Module (formats.md §2): CBOR, serde's externally tagged
// form. Requests are at most 4096 bytes, responses at most 12288.
namespace cofferdam::nsm {

inline constexpr std::size_t kMaxRequestSize = 0x1000;
inline constexpr std::size_t kMaxResponseSize = 0x3000;
inline constexpr std::uint16_t kPcrCount = 32;

// In the order of the C enumeration.
enum class ErrorCode : std::uint8_t {
  success,
  invalid_argument,
  invalid_index,
  invalid_response,
  read_only_index,
  invalid_operation,
  buffer_too_small,
  input_too_large,
  internal_error,
};
std::string_view error_name(ErrorCode code) noexcept;  // "ReadOnlyIndex"

struct DescribePcrRequest {
  std::uint16_t index = 0;
};
struct ExtendPcrRequest {
  std::uint16_t index = 0;
  Bytes data = {};
};
struct LockPcrRequest {
  std::uint16_t index = 0;
};
struct LockPcrsRequest {
  std::uint16_t range = 0;
};
struct DescribeNsmRequest {};
struct AttestationRequest {
  std::optional<Bytes> user_data = {};
  std::optional<Bytes> nonce = {};
  std::optional<Bytes> public_key = {};
};
struct GetRandomRequest {};
using Request = std::variant<DescribePcrRequest, ExtendPcrRequest, LockPcrRequest, LockPcrsRequest,
                             DescribeNsmRequest, AttestationRequest, GetRandomRequest>;

struct DescribePcrResponse {
  bool lock = false;
  Bytes data = {};
};
struct ExtendPcrResponse {
  Bytes data = {};
};
struct LockPcrResponse {};
struct LockPcrsResponse {};
struct DescribeNsmResponse {
  std::uint16_t version_major = 0;
  std::uint16_t version_minor = 0;
  std::uint16_t version_patch = 0;
  std::string module_id = {};
  std::uint16_t max_pcrs = 0;
  std::vector<std::uint16_t> locked_pcrs = {};  // Ascending.
  std::string digest = {};
};
struct AttestationResponse {
  Bytes document = {};
};
struct GetRandomResponse {
  Bytes random = {};
};
struct ErrorResponse {
  ErrorCode code = ErrorCode::internal_error;
};
using Response =
    std::variant<DescribePcrResponse, ExtendPcrResponse, LockPcrResponse, LockPcrsResponse,
                 DescribeNsmResponse, AttestationResponse, GetRandomResponse, ErrorResponse>;

// Encoders write the bytes of the official crate; decoders accept any well-formed
// equivalent, bounded, and fail with Errc::invalid_input.
Bytes encode(const Request& request);
Bytes encode(const Response& response);
Result<Request> decode_request(ByteView bytes);
Result<Response> decode_response(ByteView bytes);

}  // namespace cofferdam::nsm
