// SPDX-License-Identifier: Apache-2.0
#include "agent/channel_identity.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace cofferdam::agent {
namespace {

constexpr std::uint8_t kCertificatePcr = 8;
constexpr std::array<std::string_view, 7> kHopHeaders{
    "Connection", "Expect", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade"};

}  // namespace

Result<Bytes> ChannelAttester::attest(ByteView public_key, ByteView user_data,
                                      const std::optional<Bytes>& nonce) {
  const SelfAttestor::Wish wish{.public_key = to_bytes(public_key),
                                .user_data = to_bytes(user_data),
                                .pcrs = {},
                                .nonce = nonce};
  COFFERDAM_TRY(OwnDocument own, attestor_.attest(wish));
  return std::move(own.bytes);
}

void strip_hop_headers(net::Headers& headers) {
  std::erase_if(headers, [](const auto& header) {
    return std::ranges::any_of(kHopHeaders, [&](std::string_view name) {
      return equal_ignoring_case(header.first, name);
    });
  });
}

channel::PeerPolicy peer_policy(const MeasurementSpec& spec) {
  channel::PeerPolicy out;
  for (const auto& [index, value] : spec.pcrs) out.pcrs[index] = to_bytes(value);
  out.pcrs[kCertificatePcr] = to_bytes(spec.pcr8);
  out.release = channel::ReleasePolicy{.name = spec.name, .minimum_release = spec.minimum_release};
  return out;
}

}  // namespace cofferdam::agent
