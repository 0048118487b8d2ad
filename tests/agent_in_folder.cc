// SPDX-License-Identifier: Apache-2.0
// The agent of the image tree in a folder, as a process of its own for agent_memory_test.cc.
// Unlike the program that ships it can be looked into: it is not hardened.
#include <cstdio>

#include "agent/agent.h"
#include "ledger/decision.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: agent_in_folder ROOT CONSOLE\n", stderr);
    return 2;
  }
  const auto console = cofferdam::ledger::open_decision_log(argv[2]);
  return console ? cofferdam::agent::run_agent(argv[1], **console) : 3;
}
