// SPDX-License-Identifier: Apache-2.0
#include "agent/console_log.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "agent/reason.h"
#include "base/file.h"

namespace cofferdam::agent {

Status ConsoleLog::record(const ledger::Decision& decision) {
  const std::string line = ledger::to_json_line(decision) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t put = write(fd_, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      return fail(Errc::unavailable, reason::kDecisionNotRecorded,
                  "cannot write to the console: " + errno_text(errno));
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace cofferdam::agent
