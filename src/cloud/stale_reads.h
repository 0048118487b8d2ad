// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "net/http.h"

namespace cofferdam::cloud {

// The stale-read fault: an eventually consistent service that for a while after a write
// still answers what it answered before. Remembers the bodies of at most 256 answers, in
// locked memory. One thread.
class StaleReads {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void wrote(std::string_view service, Time now);

  // `response` answers `question` (who asked what) as things are now. Within `window` after
  // a write it gets the body of the answer before the write, if there was one; else its own
  // is remembered.
  void pass(std::string_view service, const std::string& question, std::chrono::milliseconds window,
            Time now, net::HttpResponse& response);

 private:
  struct Answer {
    Secret body;
    Time time;
  };
  std::map<std::string, Time, std::less<>> last_write_;
  std::map<std::string, Answer, std::less<>> answers_;
};

}  // namespace cofferdam::cloud
