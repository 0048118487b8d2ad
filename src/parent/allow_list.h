// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/endpoint.h"

namespace cofferdam::parent {

// One place that an enclave may reach.
struct Destination {
  static constexpr std::size_t kDefaultConnections = 1024;

  net::TcpAddress asked;     // As the enclave names it; the host in lower case.
  net::TcpAddress leads_to;  // Where its connections really go.
  // Only TLS whose ClientHello names `asked.host` gets through: two names may share an
  // address, and being allowed one of them is not being allowed the other.
  bool tls = false;
  std::size_t max_connections = kDefaultConnections;
};

// The destinations that an enclave may reach: exact pairs of host and port. Hosts compare
// without regard to case; there are no wildcards, and an address is not its name. An entry
// may say where its connections really lead, such as a VPC endpoint with a name of its
// own: TLS ends in the enclave, which still demands a certificate for the name it asked for.
class AllowList {
 public:
  // From texts "HOST:PORT[=HOST:PORT][,tls|,any][,connections=N]". Without a mark port 443
  // of a name is TLS, and anything else is not looked at. Errc::invalid_input names the
  // entry that is wrong, or comes twice.
  static Result<AllowList> parse(const std::vector<std::string>& entries);

  // Errc::invalid_input where it is there already, or TLS to an address, which no
  // ClientHello can name.
  Status add(Destination destination);

  // The destination of a CONNECT target "HOST:PORT", if it is well-formed and on the list.
  // Valid as long as the list.
  const Destination* match(std::string_view target) const;

  const std::map<net::TcpAddress, Destination>& destinations() const noexcept { return entries_; }

 private:
  std::map<net::TcpAddress, Destination> entries_;
};

// "HOST:PORT" with a port that is not zero; the host in lower case.
Result<net::TcpAddress> parse_destination_address(std::string_view text);

// What a destination is without a mark of its own.
bool is_tls_by_default(const net::TcpAddress& asked);

// A limit on connections: 1 to 65536.
Result<std::size_t> parse_connection_limit(std::string_view text);

}  // namespace cofferdam::parent
