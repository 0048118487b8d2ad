// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "nsm/protocol.h"

namespace cofferdam::nsm {

// One conversation with a Nitro Secure Module. Calls block (the module answers in
// milliseconds) and are served one at a time, as the real driver does. An error answer
// of the module is Errc::denied with the name of its code in Error::reason.
class Client {
 public:
  // "device:/dev/nsm" for the kernel driver, "unix:PATH" for `cofferdam nsm serve`.
  static Result<std::unique_ptr<Client>> open(std::string_view where);

  virtual ~Client() = default;

  // Sends one request and returns the raw answer.
  virtual Result<Bytes> exchange(ByteView request) = 0;

  Result<Bytes> attest(const AttestationRequest& request);
  Result<DescribePcrResponse> describe_pcr(std::uint16_t index);
  Result<Bytes> extend_pcr(std::uint16_t index, ByteView data);
  Status lock_pcr(std::uint16_t index);
  Status lock_pcrs(std::uint16_t range);
  Result<DescribeNsmResponse> describe();
  Result<Bytes> random();  // 256 bytes on real hardware; at least one here.
};

}  // namespace cofferdam::nsm
