// SPDX-License-Identifier: Apache-2.0
#include "parent/allow_list.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMostConnections = 65536;
constexpr std::uint16_t kHttps = 443;
constexpr std::string_view kConnections = "connections=";

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

Status read_mark(std::string_view mark, Destination& out) {
  if (mark == "tls" || mark == "any") {
    out.tls = mark == "tls";
    return {};
  }
  if (!mark.starts_with(kConnections)) {
    return fail(Errc::invalid_input, "expected tls, any or connections=N behind the comma");
  }
  COFFERDAM_TRY(out.max_connections, parse_connection_limit(mark.substr(kConnections.size())));
  return {};
}

Result<Destination> parse_entry(std::string_view entry) {
  std::size_t comma = entry.find(',');
  const std::string_view where = entry.substr(0, comma);
  const std::size_t equals = where.find('=');
  Destination out;
  COFFERDAM_TRY(out.asked, parse_destination_address(where.substr(0, equals)));
  out.leads_to = out.asked;
  if (equals != std::string_view::npos) {
    COFFERDAM_TRY(out.leads_to, parse_destination_address(where.substr(equals + 1)));
  }
  out.tls = is_tls_by_default(out.asked);
  while (comma != std::string_view::npos) {
    const std::size_t next = entry.find(',', comma + 1);
    COFFERDAM_CHECK(read_mark(entry.substr(comma + 1, next - comma - 1), out));
    comma = next;
  }
  return out;
}

}  // namespace

Result<net::TcpAddress> parse_destination_address(std::string_view text) {
  COFFERDAM_TRY(auto endpoint, net::parse_endpoint("tcp:" + std::string(text)));
  auto& address = std::get<net::TcpAddress>(endpoint);
  if (address.port == 0) return fail(Errc::invalid_input, "expected a port from 1 to 65535");
  address.host = to_lower(address.host);
  return address;
}

bool is_tls_by_default(const net::TcpAddress& asked) {
  return asked.port == kHttps && !is_address(asked.host);
}

Result<std::size_t> parse_connection_limit(std::string_view text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value == 0 || value > kMostConnections) {
    return fail(Errc::invalid_input,
                "expected a limit from 1 to " + std::to_string(kMostConnections) + " connections");
  }
  return value;
}

Result<AllowList> AllowList::parse(const std::vector<std::string>& entries) {
  AllowList list;
  for (const std::string& entry : entries) {
    auto destination = parse_entry(entry);
    if (!destination) return wrap("--allow " + entry, std::move(destination).error());
    const Status added = list.add(*std::move(destination));
    if (!added) return wrap("--allow " + entry, added.error());
  }
  return list;
}

Status AllowList::add(Destination destination) {
  if (destination.tls && is_address(destination.asked.host)) {
    return fail(Errc::invalid_input, "TLS to an address names no host: mark it any");
  }
  const net::TcpAddress asked = destination.asked;
  if (!entries_.emplace(asked, std::move(destination)).second) {
    return fail(Errc::invalid_input, "this destination is there twice");
  }
  return {};
}

const Destination* AllowList::match(std::string_view target) const {
  const auto asked = parse_destination_address(target);
  if (!asked) return nullptr;
  const auto found = entries_.find(*asked);
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace cofferdam::parent
