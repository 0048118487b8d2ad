// SPDX-License-Identifier: Apache-2.0
#include "cloud/throttle.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace cofferdam::cloud {
namespace {

constexpr auto kServices = std::to_array<std::string_view>({"kms", "secretsmanager", "sts", "iam"});
constexpr std::uint32_t kMost = 1'000'000;

}  // namespace

Result<RateLimit> parse_limit(std::string_view text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view service = text.substr(0, equals);
  const std::string_view rate = text.substr(std::min(equals + 1, text.size()));
  RateLimit limit{.service = std::string(service)};
  const auto [end, error] =
      std::from_chars(rate.data(), rate.data() + rate.size(), limit.per_second);
  const bool number = error == std::errc() && end == rate.data() + rate.size();
  if (std::ranges::find(kServices, service) == kServices.end() || !number ||
      limit.per_second == 0 || limit.per_second > kMost) {
    return fail(Errc::invalid_input,
                "a limit is SERVICE=REQUESTS, such as kms=100: one of kms, secretsmanager, sts and "
                "iam, and 1 to 1000000 requests a second");
  }
  return limit;
}

Throttle::Throttle(const std::vector<RateLimit>& limits) {
  for (const RateLimit& limit : limits) {
    const double rate = limit.per_second;
    buckets_[limit.service] = {.per_second = rate, .tokens = rate, .filled = {}};
  }
}

bool Throttle::admit(std::string_view service, Time now) {
  const auto found = buckets_.find(service);
  if (found == buckets_.end()) return true;
  Bucket& bucket = found->second;
  const std::chrono::duration<double> since = now - bucket.filled;
  bucket.filled = now;
  bucket.tokens = std::min(bucket.per_second, bucket.tokens + since.count() * bucket.per_second);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

aws::AwsError throttling_error(std::string_view service) {
  return {.type = "ThrottlingException",
          .message = service == "kms"
                         ? "You have exceeded the rate at which you may call KMS. Reduce the "
                           "frequency of your calls."
                         : "Rate exceeded",
          .status = 400};
}

}  // namespace cofferdam::cloud
