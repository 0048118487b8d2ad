// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "channel/binding.h"
#include "channel/verify.h"

// The two exchanges inside the TLS session that prove who is at its ends (docs/channel.md).
// JSON over HTTP, so that a client in any language can take part.
namespace cofferdam::channel {

inline constexpr std::string_view kAttestTarget = "/cofferdam/v1/attest";
inline constexpr std::string_view kPresentTarget = "/cofferdam/v1/present";
inline constexpr std::size_t kMaxMessageSize = std::size_t{96} * 1024;

// Client to server, POST kAttestTarget: {"challenge": hex}
std::string encode_challenge(const Challenge& challenge);
Result<Challenge> parse_challenge(std::string_view body);

// Its answer: {"document": base64, "manifest": base64 or null, "challenge": hex}; the last
// is the server's own, for a client that is an enclave too.
struct AttestAnswer {
  Answer answer;
  Challenge challenge{};
};
std::string encode_attest_answer(const AttestAnswer& answer);
Result<AttestAnswer> parse_attest_answer(std::string_view body);

// Client to server, POST kPresentTarget: {"document": base64, "manifest": base64 or null}
std::string encode_presentation(const Answer& answer);
Result<Answer> parse_presentation(std::string_view body);

}  // namespace cofferdam::channel
