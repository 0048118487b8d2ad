// SPDX-License-Identifier: Apache-2.0
#include "cli/audit_support.h"
#include "cli/command.h"

namespace cofferdam::cli {

void add_audit(CLI::App& app, Exit& exit) {
  CLI::App* const audit =
      app.add_subcommand("audit", "Read, verify and count the ledger of releases, offline");
  audit->require_subcommand(1);
  add_audit_show(*audit, exit);
  add_audit_verify(*audit, exit);
  add_audit_export(*audit, exit);
  add_audit_stats(*audit, exit);
}

}  // namespace cofferdam::cli
