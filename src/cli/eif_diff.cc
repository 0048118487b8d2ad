// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include "base/json.h"
#include "cli/command.h"
#include "cli/eif_commands.h"
#include "eif/diff.h"
#include "eif/diff_report.h"
#include "eif/reader.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(Names what differs, section by section and file by file, and which registers it moves:
PCR0, PCR1 and PCR2 are content, PCR8 is the signing certificate. Metadata, the header and the
signature itself are not measured. Compressed ramdisks are compared as bytes.
Exit status: 0 the same bytes, 1 different, 2 usage, 3 environment.

Example:
  $ cofferdam eif diff payments-7.eif payments-8.eif
  $ cofferdam eif diff mine.eif theirs.eif --json | jq '.pcrs | map_values(.equal)')";

struct Options {
  std::string a;
  std::string b;
  bool json = false;
  bool exit_code = false;
  std::size_t limit = 20;
};

// An image that is none is no verdict on a difference.
Exit refuse(const Error& error) {
  print_error(error, "diff compares two enclave images");
  return Exit::environment;
}

Exit compare(const Options& options) {
  const auto a = eif::Image::open(options.a);
  if (!a) return refuse(a.error());
  const auto b = eif::Image::open(options.b);
  if (!b) return refuse(b.error());
  const auto compared = eif::compare_images(*a, *b, options.limit);
  if (!compared) return refuse(compared.error());
  const eif::ImageDiff& found = *compared;
  const eif::DiffNames names{.a = options.a, .b = options.b};
  if (options.json) {
    std::cout << pretty_json(eif::diff_json(found, names));
  } else if (!options.exit_code) {
    std::cout << eif::diff_text(found, names);
  }
  return found.equal() ? Exit::ok : Exit::negative;
}

}  // namespace

void add_eif_diff(CLI::App& eif, Exit& exit) {
  CLI::App* const command =
      eif.add_subcommand("diff", "Explain why two images differ, and which PCRs that moves");
  auto options = std::make_shared<Options>();
  command->add_option("A", options->a, "An image")->required();
  command->add_option("B", options->b, "Another")->required();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->add_flag("--exit-code", options->exit_code, "Print nothing: the exit status says it");
  command->add_option("--limit", options->limit, "Show this many differences of each section")
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([options, &exit] { exit = compare(*options); });
}

}  // namespace cofferdam::cli
