// SPDX-License-Identifier: Apache-2.0
#include "cli/eif_commands.h"

#include <charconv>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "bytes/cpio.h"
#include "crypto/digest.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kRamdiskFooter =
    R"(Folders above a file are made. The mode is octal; without it 0755 for an executable
and 0644 for other files. Owner root, times zero: equal files give equal bytes.

Example:
  $ cofferdam eif ramdisk --add init=build/cofferdam-agent:0755 \
      --add etc/cofferdam/agent.toml=agent.toml --output boot.cpio)";

// A failure where it belongs, with a word on what to do.
Exit report(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return exit_for(error);
}

// "PATH_IN_IMAGE=FILE[:MODE]"
struct Addition {
  std::string path;
  std::filesystem::path source;
  std::optional<std::uint32_t> mode;
};

std::optional<std::uint32_t> octal_mode(std::string_view text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 07777) return std::nullopt;
  return mode;
}

Result<Addition> parse_addition(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
    return fail(Errc::invalid_input, "expected PATH_IN_IMAGE=FILE[:MODE]");
  }
  Addition out{.path = std::string(text.substr(0, equals)), .source = {}, .mode = {}};
  std::string_view source = text.substr(equals + 1);
  const std::size_t colon = source.rfind(':');
  if (colon != std::string_view::npos && colon + 1 < source.size()) {
    out.mode = octal_mode(source.substr(colon + 1));
    if (out.mode) source = source.substr(0, colon);
  }
  out.source = source;
  return out;
}

Result<std::uint32_t> default_mode(const std::filesystem::path& file) {
  std::error_code error;
  const auto permissions = std::filesystem::status(file, error).permissions();
  if (error) return fail(Errc::not_found, "cannot open " + file.string() + ": " + error.message());
  const bool executable =
      (permissions & std::filesystem::perms::owner_exec) != std::filesystem::perms::none;
  return executable ? 0755 : 0644;
}

// Puts the folders above `path` that are not there yet before it.
void add_parents(const std::string& path, std::set<std::string>& known,
                 std::vector<cpio::Entry>& out) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (known.insert(folder).second) {
      out.push_back({.path = folder, .mode = cpio::kDirectory | 0755});
    }
  }
}

Result<Bytes> make_ramdisk(const std::vector<Addition>& additions) {
  std::vector<Bytes> contents;
  contents.reserve(additions.size());  // The entries point into them.
  std::vector<cpio::Entry> entries;
  std::set<std::string> folders;
  for (const Addition& addition : additions) {
    COFFERDAM_TRY(Bytes content, read_file(addition.source, cpio::kMaxContentSize));
    contents.push_back(std::move(content));
    std::uint32_t mode = addition.mode.value_or(0);
    if (!addition.mode) {
      COFFERDAM_TRY(mode, default_mode(addition.source));
    }
    add_parents(addition.path, folders, entries);
    entries.push_back(
        {.path = addition.path, .mode = cpio::kRegularFile | mode, .content = contents.back()});
  }
  return cpio::make_cpio(entries);
}

Exit ramdisk(const std::vector<std::string>& texts, const std::string& output) {
  std::vector<Addition> additions;
  for (const std::string& text : texts) {
    auto addition = parse_addition(text);
    if (!addition) {
      print_error(addition.error(), "such as --add init=build/agent:0755");
      return Exit::usage;
    }
    additions.push_back(*std::move(addition));
  }
  const auto archive = make_ramdisk(additions);
  if (!archive) return report(archive.error());
  const Status written = write_file_atomic(output, *archive);
  if (!written) return report(written.error());
  std::cout << pretty_json(json::object{
      {"output", output}, {"size", archive->size()}, {"sha384", to_hex(crypto::sha384(*archive))}});
  return Exit::ok;
}

}  // namespace

void add_eif_ramdisk(CLI::App& eif, Exit& exit) {
  struct Options {
    std::vector<std::string> additions;
    std::string output;
  };
  CLI::App* const command =
      eif.add_subcommand("ramdisk", "Make a ramdisk of some files, the same every time");
  auto options = std::make_shared<Options>();
  command->add_option("--add", options->additions, "PATH_IN_IMAGE=FILE[:MODE]; repeat in order")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--output", options->output, "The ramdisk")->required();
  command->footer(kRamdiskFooter);
  command->callback([options, &exit] { exit = ramdisk(options->additions, options->output); });
}

}  // namespace cofferdam::cli
