// SPDX-License-Identifier: Apache-2.0
// The first process of an enclave. It takes no arguments: everything it does is in the
// measured image.
#include <unistd.h>

#include "agent/agent.h"
#include "agent/console_log.h"
#include "agent/init.h"
#include "base/log.h"
#include "base/process.h"

int main() {
  cofferdam::log::start("cofferdam-agent");
  cofferdam::harden_process();
  if (cofferdam::agent::is_init()) cofferdam::agent::prepare_machine();
  cofferdam::agent::ConsoleLog console(STDERR_FILENO);
  const int status = cofferdam::agent::run_agent("/", console);
  if (cofferdam::agent::owns_machine()) cofferdam::agent::end_machine();
  return status;
}
