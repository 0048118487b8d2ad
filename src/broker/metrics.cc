// SPDX-License-Identifier: Apache-2.0
#include "broker/metrics.h"

#include <algorithm>
#include <sstream>

namespace cofferdam::broker {
namespace {

void head(std::ostream& out, std::string_view name, std::string_view type, std::string_view help) {
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
}

void single(std::ostream& out, std::string_view name, std::string_view type, std::string_view help,
            std::uint64_t value) {
  head(out, name, type, help);
  out << name << ' ' << value << '\n';
}

}  // namespace

void Metrics::observe(std::chrono::duration<double> seconds) {
  const auto bound = std::ranges::lower_bound(kBounds, seconds.count());
  ++buckets_.at(static_cast<std::size_t>(bound - kBounds.begin()));
  total_seconds_ += seconds.count();
}

void Metrics::token_issued(std::chrono::duration<double> seconds) {
  ++issued_;
  observe(seconds);
}

void Metrics::token_refused(std::string_view reason, std::chrono::duration<double> seconds) {
  ++refused_[std::string(reason)];
  observe(seconds);
}

std::string Metrics::render(std::size_t open_challenges, std::size_t published_keys) const {
  std::ostringstream out;
  single(out, "cofferdam_broker_tokens_total", "counter", "Tokens issued.", issued_);
  head(out, "cofferdam_broker_refusals_total", "counter", "Requests without a token, by reason.");
  for (const auto& [reason, count] : refused_) {
    out << "cofferdam_broker_refusals_total{reason=\"" << reason << "\"} " << count << '\n';
  }
  single(out, "cofferdam_broker_challenges_total", "counter", "Challenges given out.", challenges_);
  single(out, "cofferdam_broker_open_challenges", "gauge", "Challenges that can still be used.",
         open_challenges);
  single(out, "cofferdam_broker_published_keys", "gauge", "Keys in the JWKS.", published_keys);
  single(out, "cofferdam_broker_reloads_total", "counter", "Configurations taken over.", reloads_);
  single(out, "cofferdam_broker_failed_reloads_total", "counter",
         "Configurations refused; the one before is in force.", failed_reloads_);
  constexpr std::string_view kDuration = "cofferdam_broker_token_seconds";
  head(out, kDuration, "histogram", "From a request for a token to its answer.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    below += buckets_.at(i);
    out << kDuration << "_bucket{le=\"" << kBounds.at(i) << "\"} " << below << '\n';
  }
  below += buckets_.back();
  out << kDuration << "_bucket{le=\"+Inf\"} " << below << '\n'
      << kDuration << "_sum " << total_seconds_ << '\n'
      << kDuration << "_count " << below << '\n';
  return out.str();
}

}  // namespace cofferdam::broker
