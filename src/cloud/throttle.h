// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "base/result.h"

namespace cofferdam::cloud {

// One service may be asked so many times in a second.
struct RateLimit {
  std::string service;
  std::uint32_t per_second = 1;

  bool operator==(const RateLimit&) const = default;
};

// "kms=100"; 1 to 1,000,000.
Result<RateLimit> parse_limit(std::string_view text);

// A token bucket for each limited service, as large as the requests of one second. Services
// without a limit are never refused. One thread.
class Throttle {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Throttle(const std::vector<RateLimit>& limits);

  // Whether the request may pass. Time must not run backwards.
  bool admit(std::string_view service, Time now);

 private:
  struct Bucket {
    double per_second = 0;
    double tokens = 0;
    Time filled;
  };
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// As the service words it.
aws::AwsError throttling_error(std::string_view service);

}  // namespace cofferdam::cloud
