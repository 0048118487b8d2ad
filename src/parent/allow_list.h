// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/endpoint.h"

namespace cofferdam::parent {

// The destinations that an enclave may reach: exact pairs of host and port. Hosts compare
// without regard to case; there are no wildcards, and an address is not its name. An entry
// may say where its connections really lead, such as a VPC endpoint with a name of its
// own: TLS ends in the enclave, which still demands a certificate for the name it asked for.
class AllowList {
 public:
  // From texts "HOST:PORT" or "HOST:PORT=HOST:PORT". Errc::invalid_input names the one
  // that is wrong.
  static Result<AllowList> parse(const std::vector<std::string>& entries);

  // Where to connect for a CONNECT target "HOST:PORT", if it is well-formed and on the list.
  std::optional<net::TcpAddress> match(std::string_view target) const;

 private:
  std::map<net::TcpAddress, net::TcpAddress> entries_;
};

}  // namespace cofferdam::parent
