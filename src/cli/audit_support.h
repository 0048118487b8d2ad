// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/command.h"
#include "ledger/decision.h"
#include "ledger/line_reader.h"

// What the subcommands of `cofferdam audit` share.
namespace cofferdam::cli {

void add_audit_verify(CLI::App& audit, Exit& exit);
void add_audit_show(CLI::App& audit, Exit& exit);
void add_audit_export(CLI::App& audit, Exit& exit);
void add_audit_stats(CLI::App& audit, Exit& exit);

namespace audit {

// Prints what was wrong with the command line, and where its help is.
Exit usage_error(const Error& error, std::string_view command);

// Hands over each line of the files in turn. Errc::not_found or Errc::unavailable for a
// file that cannot be read.
using UseLine = std::function<void(const std::string& file, const ledger::LineReader::Line& line)>;
Status for_each_line(const std::vector<std::string>& files, const UseLine& use);

// One entry as people see it: of a ledger, or a line of a plain decision log.
struct Row {
  std::string file;
  std::uint64_t line = 0;
  std::string ledger;                     // Hex; empty for a plain line.
  std::optional<std::uint64_t> sequence;  // The same.
  std::string kind;
  bool decides = true;        // False for a ledger's own entries.
  ledger::Decision decision;  // Where it decides nothing: its time, and what its document says.
  std::string note;           // Of an entry that decides nothing.
};

// What the line says, without judging whether it is true. Errc::invalid_input for a line
// that is neither an entry nor a decision.
Result<Row> read_row(std::string_view line);

// The row as a flat object, without empty members.
json::object flat(const Row& row);

// Options that choose rows; all that are given must agree.
struct FilterOptions {
  std::string since;
  std::string until;
  std::string decision;
  std::string reason;
  std::string component;
  std::string kind;
  std::string key;
  std::string secret;
  std::string request_id;
  std::string module_id;
  std::string ledger;
};
void add_filter_options(CLI::App& command, FilterOptions& options);

class Filter {
 public:
  Filter() = default;  // Every row.
  // Errc::invalid_input says which option does not read.
  static Result<Filter> read(const FilterOptions& options, const Clock& clock);
  bool matches(const Row& row) const;

 private:
  FilterOptions options_;
  std::optional<Timestamp> since_;
  std::optional<Timestamp> until_;
};

// Hands over the rows that match and says on standard error how many lines were unreadable.
Status for_each_row(const std::vector<std::string>& files, const Filter& filter,
                    const std::function<void(const Row&)>& use);

}  // namespace audit
}  // namespace cofferdam::cli
