// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audit_support.h"

namespace cofferdam::cli {
namespace {

using audit::Row;

constexpr const char* kFooter =
    R"(The same entries as `cofferdam audit show`, for other programs: JSON lines with every member,
or CSV (RFC 4180) with the columns of the first line. A CSV field that a spreadsheet would take for
a formula begins with an apostrophe. Nothing is verified: `cofferdam audit verify` does that.
Exit status: 0 exported, 2 usage, 3 environment.

Examples:
  $ cofferdam audit export ledger.jsonl --format csv --since 30d > releases.csv
  $ cofferdam audit export ledger.jsonl | jq -r 'select(.decision == "deny") | .reason')";

struct Options {
  std::vector<std::string> files;
  audit::FilterOptions filter;
  std::string format = "jsonl";
};

constexpr std::array<std::string_view, 16> kColumns{
    "time",     "ledger",        "sequence",       "kind",  "component", "decision",
    "reason",   "operation",     "secret",         "key",   "principal", "requestId",
    "moduleId", "contextDigest", "documentDigest", "detail"};

std::string csv_field(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) {
    text.insert(text.begin(), '\'');
  }
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

void print_csv_head() {
  std::string_view separator;
  for (const std::string_view column : kColumns) {
    std::cout << separator << column;
    separator = ",";
  }
  std::cout << "\r\n";
}

void print_csv(const json::object& row) {
  std::string_view separator;
  for (const std::string_view column : kColumns) {
    std::cout << separator;
    separator = ",";
    const json::value* const value = row.if_contains(column);
    if (value == nullptr || value->is_null()) continue;
    std::cout << csv_field(value->is_string() ? std::string(value->get_string())
                                              : json::serialize(*value));
  }
  std::cout << "\r\n";
}

Exit run_export(const Options& options) {
  const auto filter = audit::Filter::read(options.filter, SystemClock());
  if (!filter) return audit::usage_error(filter.error(), "export");
  const bool csv = options.format == "csv";
  if (csv) print_csv_head();
  const Status done = audit::for_each_row(options.files, *filter, [&](const Row& row) {
    if (csv) {
      print_csv(audit::flat(row));
    } else {
      std::cout << json::serialize(audit::flat(row)) << '\n';
    }
  });
  if (done) return Exit::ok;
  print_error(done.error());
  return Exit::environment;
}

}  // namespace

void add_audit_export(CLI::App& audit, Exit& exit) {
  CLI::App* const command = audit.add_subcommand("export", "Print entries as JSON lines or CSV");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->files, "Ledgers, in order")->required();
  command->add_option("--format", options->format, "jsonl or csv")
      ->check(CLI::IsMember({"jsonl", "csv"}))
      ->type_name("FORMAT");
  audit::add_filter_options(*command, options->filter);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run_export(*options); });
}

}  // namespace cofferdam::cli
