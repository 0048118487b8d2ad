// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "cli/audit_support.h"

namespace cofferdam::cli {
namespace {

using audit::Row;

constexpr const char* kFooter =
    R"(FILE is a ledger that cofferdam-parent wrote, or a plain decision log; `-` is standard input.
One line for each entry: when, what was decided, about what, why, for whom. Nothing is verified:
`cofferdam audit verify` does that. Without FILEs that hold anything the output is empty.
Exit status: 0 shown, 2 usage, 3 environment.

Examples:
  $ cofferdam audit show ledger.jsonl --since 3h --decision deny
  $ cofferdam audit show ledger.jsonl --secret database-password --json | jq .requestId)";

struct Options {
  std::vector<std::string> files;
  audit::FilterOptions filter;
  bool json = false;
};

// Colour only when a person is watching.
class Timeline {
 public:
  Timeline() : colour_(isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

  void print(const Row& row) const {
    const ledger::Decision& decision = row.decision;
    const std::string time =
        decision.time == Timestamp{} ? "before any time" : format_rfc3339(decision.time);
    std::cout << padded(time, 24) << "  ";
    if (row.decides) {
      print_decision(row);
    } else {
      std::cout << paint("2", "------  " + printable(row.note)) << name_of_ledger(row);
      if (!decision.module_id.empty()) std::cout << "  " << printable(decision.module_id);
    }
    std::cout << '\n';
  }

 private:
  static std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
  }

  std::string paint(std::string_view code, std::string_view text) const {
    if (!colour_) return std::string(text);
    return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
  }

  static std::string name_of_ledger(const Row& row) {
    return row.sequence ? "  " + row.ledger.substr(0, 12) + " #" + std::to_string(*row.sequence)
                        : std::string();
  }

  void print_decision(const Row& row) const {
    const ledger::Decision& decision = row.decision;
    std::cout << (decision.allowed ? paint("32", "allow ") : paint("1;31", "DENY  ")) << "  "
              << padded(printable(decision.component), 5) << "  " << printable(about(row));
    if (!decision.allowed) std::cout << "  " << paint("31", printable(decision.reason));
    if (!decision.detail.empty()) std::cout << ": " << printable(decision.detail);
    if (!decision.request_id.empty()) {
      std::cout << paint("2", "  request " + printable(decision.request_id));
    }
    std::cout << paint("2", name_of_ledger(row));
  }

  // "Decrypt of database-password", "self_validation".
  static std::string about(const Row& row) {
    const ledger::Decision& decision = row.decision;
    std::string out = decision.operation.empty() ? row.kind : decision.operation;
    const std::string& subject = decision.secret.empty() ? decision.key : decision.secret;
    if (!subject.empty()) out += " of " + subject;
    for (const auto& [name, value] : decision.facts) out += " " + name + "=" + value;
    return out;
  }

  bool colour_;
};

Exit show(const Options& options) {
  const auto filter = audit::Filter::read(options.filter, SystemClock());
  if (!filter) return audit::usage_error(filter.error(), "show");
  const Timeline timeline;
  const Status shown = audit::for_each_row(options.files, *filter, [&](const Row& row) {
    if (options.json) {
      std::cout << json::serialize(audit::flat(row)) << '\n';
    } else {
      timeline.print(row);
    }
  });
  if (shown) return Exit::ok;
  print_error(shown.error());
  return Exit::environment;
}

}  // namespace

void add_audit_show(CLI::App& audit, Exit& exit) {
  CLI::App* const command = audit.add_subcommand("show", "Print entries as a timeline");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->files, "Ledgers, in order")->required();
  command->add_flag("--json", options->json, "One JSON object for each entry");
  audit::add_filter_options(*command, options->filter);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = show(*options); });
}

}  // namespace cofferdam::cli
