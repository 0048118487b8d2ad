// SPDX-License-Identifier: Apache-2.0
#include "parent/peers.h"

#include <charconv>
#include <optional>

namespace cofferdam::parent {
namespace {

template <class Number>
std::optional<Number> number_after(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

Status AllowedPeers::add(std::string_view text) {
  if (const auto cid = number_after<std::uint32_t>("cid:", text)) {
    cids_.insert(*cid);
    return {};
  }
  if (const auto uid = number_after<uid_t>("uid:", text)) {
    uids_.insert(*uid);
    return {};
  }
  return fail(Errc::invalid_input, "expected a peer cid:N or uid:N with a decimal number");
}

bool AllowedPeers::admits(const net::PeerIdentity& peer) const {
  if (cids_.empty() && uids_.empty()) return true;
  if (peer.cid) return cids_.contains(*peer.cid);
  if (peer.process) return uids_.contains(peer.process->uid);
  return false;
}

}  // namespace cofferdam::parent
