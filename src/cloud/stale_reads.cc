// SPDX-License-Identifier: Apache-2.0
#include "cloud/stale_reads.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxAnswers = 256;

}  // namespace

void StaleReads::wrote(std::string_view service, Time now) {
  last_write_.insert_or_assign(std::string(service), now);
}

void StaleReads::pass(std::string_view service, const std::string& question,
                      std::chrono::milliseconds window, Time now, net::HttpResponse& response) {
  const auto written = last_write_.find(service);
  const auto known = answers_.find(question);
  const bool recent = written != last_write_.end() && now - written->second < window;
  if (recent && known != answers_.end() && known->second.time <= written->second) {
    const ByteView older = known->second.body.reveal();
    wipe(response.body);
    response.body.assign(older.begin(), older.end());
    return;
  }
  if (known == answers_.end() && answers_.size() >= kMaxAnswers) answers_.clear();
  answers_.insert_or_assign(question, Answer{.body = Secret::copy_of(response.body), .time = now});
}

}  // namespace cofferdam::cloud
