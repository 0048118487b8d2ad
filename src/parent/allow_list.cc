// SPDX-License-Identifier: Apache-2.0
#include "parent/allow_list.h"

#include "net/text.h"

namespace cofferdam::parent {
namespace {

Result<net::TcpAddress> parse_destination(std::string_view text) {
  COFFERDAM_TRY(auto endpoint, net::parse_endpoint("tcp:" + std::string(text)));
  auto& address = std::get<net::TcpAddress>(endpoint);
  if (address.port == 0) return fail(Errc::invalid_input, "expected a port from 1 to 65535");
  address.host = net::to_lower(address.host);
  return address;
}

}  // namespace

Result<AllowList> AllowList::parse(const std::vector<std::string>& entries) {
  AllowList list;
  for (const std::string& entry : entries) {
    auto address = parse_destination(entry);
    if (!address) return wrap("--allow " + entry, std::move(address).error());
    list.entries_.insert(*std::move(address));
  }
  return list;
}

std::optional<net::TcpAddress> AllowList::match(std::string_view target) const {
  auto address = parse_destination(target);
  if (!address || !entries_.contains(*address)) return std::nullopt;
  return *std::move(address);
}

}  // namespace cofferdam::parent
