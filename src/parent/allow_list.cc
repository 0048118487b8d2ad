// SPDX-License-Identifier: Apache-2.0
#include "parent/allow_list.h"

#include "base/text.h"

namespace cofferdam::parent {
namespace {

Result<net::TcpAddress> parse_destination(std::string_view text) {
  COFFERDAM_TRY(auto endpoint, net::parse_endpoint("tcp:" + std::string(text)));
  auto& address = std::get<net::TcpAddress>(endpoint);
  if (address.port == 0) return fail(Errc::invalid_input, "expected a port from 1 to 65535");
  address.host = to_lower(address.host);
  return address;
}

}  // namespace

Result<AllowList> AllowList::parse(const std::vector<std::string>& entries) {
  AllowList list;
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    auto asked = parse_destination(entry.substr(0, equals));
    if (!asked) return wrap("--allow " + entry, std::move(asked).error());
    auto led = equals == std::string::npos ? asked : parse_destination(entry.substr(equals + 1));
    if (!led) return wrap("--allow " + entry, std::move(led).error());
    list.entries_.insert_or_assign(*std::move(asked), *std::move(led));
  }
  return list;
}

std::optional<net::TcpAddress> AllowList::match(std::string_view target) const {
  const auto asked = parse_destination(target);
  if (!asked) return std::nullopt;
  const auto found = entries_.find(*asked);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

}  // namespace cofferdam::parent
