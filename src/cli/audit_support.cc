// SPDX-License-Identifier: Apache-2.0
#include "cli/audit_support.h"

#include <cerrno>
#include <fstream>
#include <iostream>
#include <utility>

#include "attest/document.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "ledger/entry.h"

namespace cofferdam::cli::audit {
namespace {

constexpr std::size_t kMaxDepth = 6;

Status read_lines(const std::string& file, std::istream& in, const UseLine& use) {
  ledger::LineReader reader(in);
  while (true) {
    auto line = reader.next();
    if (!line) return wrap(file, std::move(line).error());
    if (!*line) return {};
    use(file, **line);
  }
}

// What a genesis says of its enclave; the document is not verified here.
void describe_genesis(const ledger::Entry& entry, Row& row) {
  row.note = "a ledger begins";
  const auto text = required_string(entry.record, "document");
  if (!text) return;
  const auto bytes = from_base64(*text);
  if (!bytes) return;
  row.decision.document_digest = to_hex(crypto::sha384(*bytes));
  const auto parsed = attest::parse_document(*bytes);
  if (!parsed) return;
  row.decision.module_id = parsed->document.module_id;
  for (const auto& [index, value] : parsed->document.pcrs) {
    row.decision.pcrs.emplace(index, to_hex(value));
  }
}

Result<Row> row_of(const ledger::Entry& entry) {
  Row out;
  out.ledger = to_hex(entry.ledger);
  out.sequence = entry.sequence;
  out.kind = entry.kind;
  if (entry.kind == ledger::kGenesisKind) {
    out.decides = false;
    describe_genesis(entry, out);
  } else if (entry.kind == ledger::kClosingKind) {
    out.decides = false;
    COFFERDAM_TRY(const auto cause, optional_string(entry.record, "cause"));
    out.note = "the ledger is closed: " + cause.value_or("no cause given");
  } else {
    COFFERDAM_TRY(out.decision, ledger::parse_decision(entry.record));
  }
  out.decision.kind = entry.kind;
  out.decision.time = entry.time;
  return out;
}

Result<Row> row_of_plain_line(std::string_view line) {
  COFFERDAM_TRY(const json::value value, parse_json(line, ledger::kMaxLineSize, kMaxDepth));
  if (!value.is_object()) return fail(Errc::invalid_input, "neither an entry nor a decision");
  Row out;
  COFFERDAM_TRY(out.decision, ledger::parse_decision(value.get_object()));
  out.kind = out.decision.operation == "self_validation" ? "self_validation" : "release";
  return out;
}

Status read_moment(std::string_view option, const std::string& text, const Clock& clock,
                   std::optional<Timestamp>& out) {
  if (text.empty()) return {};
  if (const auto time = parse_rfc3339(text)) {
    out = *time;
    return {};
  }
  const auto ago = parse_duration(text);
  if (!ago) {
    return fail(Errc::invalid_input, std::string(option) +
                                         ": expected a time (2026-01-31T09:05:00Z) or how long "
                                         "ago (90s, 15m, 3h, 2d)");
  }
  out = clock.now() - *ago;
  return {};
}

bool fits(const std::string& wanted, const std::string& found) {
  return wanted.empty() || wanted == found;
}

}  // namespace

Exit usage_error(const Error& error, std::string_view command) {
  print_error(error, "see cofferdam audit " + std::string(command) + " --help");
  return Exit::usage;
}

Status for_each_line(const std::vector<std::string>& files, const UseLine& use) {
  for (const std::string& file : files) {
    if (file == "-") {
      COFFERDAM_CHECK(read_lines(file, std::cin, use));
      continue;
    }
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      const int code = errno;
      return fail(code == ENOENT ? Errc::not_found : Errc::unavailable,
                  "cannot read " + file + ": " + errno_text(code));
    }
    COFFERDAM_CHECK(read_lines(file, in, use));
  }
  return {};
}

Result<Row> read_row(std::string_view line) {
  const auto entry = ledger::parse_line(line);
  return entry ? row_of(entry->entry) : row_of_plain_line(line);
}

json::object flat(const Row& row) {
  json::object out = ledger::to_json(row.decision);
  if (!row.decides) {
    for (const char* const name : {"component", "requestId", "decision", "reason"}) {
      out.erase(name);
    }
    out["detail"] = row.note;
  }
  out["kind"] = row.kind;
  if (row.sequence) {
    out["ledger"] = row.ledger;
    out["sequence"] = *row.sequence;
  }
  return out;
}

void add_filter_options(CLI::App& command, FilterOptions& options) {
  const auto add = [&](const char* name, std::string& target, const char* form, const char* text) {
    return command.add_option(name, target, text)->type_name(form)->group("Filters");
  };
  add("--since", options.since, "TIME", "From this time on, RFC 3339, or this long ago: 3h, 2d");
  add("--until", options.until, "TIME", "Before this time; the same forms");
  add("--decision", options.decision, "WHAT", "allow or deny")
      ->check(CLI::IsMember({"allow", "deny"}));
  add("--reason", options.reason, "CODE", "With this reason code");
  add("--component", options.component, "NAME", "Decided by this: agent, kms");
  add("--kind", options.kind, "KIND", "Of this kind: release, self_validation, ...");
  add("--key", options.key, "KEY", "About this KMS key: its ARN or any part of it");
  add("--secret", options.secret, "NAME", "About this secret of the measured configuration");
  add("--request-id", options.request_id, "ID", "About this request");
  add("--module-id", options.module_id, "ID", "By or about this enclave");
  add("--ledger", options.ledger, "ID", "Of this ledger: its id or the beginning of it");
}

Result<Filter> Filter::read(const FilterOptions& options, const Clock& clock) {
  Filter out;
  out.options_ = options;
  COFFERDAM_CHECK(read_moment("--since", options.since, clock, out.since_));
  COFFERDAM_CHECK(read_moment("--until", options.until, clock, out.until_));
  return out;
}

bool Filter::matches(const Row& row) const {
  const ledger::Decision& decision = row.decision;
  if (since_ && decision.time < *since_) return false;
  if (until_ && decision.time >= *until_) return false;
  if (!options_.decision.empty() &&
      (!row.decides || decision.allowed != (options_.decision == "allow"))) {
    return false;
  }
  return fits(options_.reason, decision.reason) && fits(options_.component, decision.component) &&
         fits(options_.kind, row.kind) && fits(options_.secret, decision.secret) &&
         fits(options_.request_id, decision.request_id) &&
         fits(options_.module_id, decision.module_id) &&
         decision.key.find(options_.key) != std::string::npos &&
         row.ledger.starts_with(options_.ledger);
}

Status for_each_row(const std::vector<std::string>& files, const Filter& filter,
                    const std::function<void(const Row&)>& use) {
  std::uint64_t unreadable = 0;
  const UseLine read = [&](const std::string& file, const ledger::LineReader::Line& line) {
    auto row = line.too_long ? fail(Errc::invalid_input, "too long") : read_row(line.text);
    if (!row) {
      ++unreadable;
      return;
    }
    row->file = file;
    row->line = line.number;
    if (filter.matches(*row)) use(*row);
  };
  COFFERDAM_CHECK(for_each_line(files, read));
  if (unreadable != 0) {
    std::cerr << "cofferdam: " << unreadable << (unreadable == 1 ? " line is" : " lines are")
              << " neither an entry of a ledger nor a decision\n";
  }
  return {};
}

}  // namespace cofferdam::cli::audit
