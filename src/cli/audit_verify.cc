// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attest/release_manifest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/printable.h"
#include "cli/audit_support.h"
#include "cli/pcr_option.h"
#include "ledger/kept_heads.h"
#include "ledger/verifier.h"

namespace cofferdam::cli {
namespace {

using ledger::LedgerVerdict;
using ledger::Problem;

constexpr std::size_t kMaxRootFile = std::size_t{64} * 1024;

constexpr const char* kFooter =
    R"(Several FILEs are read as one, in the order given; `-` is standard input. Each ledger must begin
with an attestation document for its key under AWS's root (--root: another), judged at the
document's own time. Which image wrote it is compared where you say so: --pcr, --release.

Lines cut off from the end, or a whole ledger taken away, show only against something kept
elsewhere: --heads FILE keeps the latest head of each ledger and refuses shorter, forked and missing
ledgers from then on. It is written when everything verifies, and never otherwise.
Exit status: 0 everything verifies, 1 refused (the reasons are in the output), 2 usage,
3 environment.

Examples:
  $ cofferdam audit verify ledger.jsonl --release payments.release --heads heads.jsonl
  $ cofferdam audit verify ledger-1.jsonl ledger.jsonl --pcr 0=$PCR0 --pcr 8=$PCR8 --json)";

struct Options {
  std::vector<std::string> files;
  std::string root;
  std::vector<std::string> pcrs;
  std::string release;
  std::string heads;
  std::vector<std::string> ledgers;
  bool json = false;
};

// What was typed and what the files it names hold.
struct Demands {
  ledger::Verifier::Expectations expected;
  std::string release_name;  // "payments, release 7", or empty.
};

Status read_ledger_ids(const std::vector<std::string>& texts, std::vector<ledger::LedgerId>& out) {
  for (const std::string& text : texts) {
    const auto bytes = from_hex(text);
    ledger::LedgerId id{};
    if (!bytes || bytes->size() != id.size()) {
      return fail(Errc::invalid_input, "--expect-ledger: expected 64 hexadecimal digits");
    }
    std::ranges::copy(*bytes, id.begin());
    out.push_back(id);
  }
  return {};
}

Status read_release(const std::string& file, Demands& out) {
  COFFERDAM_TRY(const Bytes bytes, read_file(file, attest::kMaxManifestSize));
  const auto stated = attest::parse_release_manifest(bytes);
  if (!stated) return wrap(file, stated.error());
  const std::string name = stated->manifest.name;
  out.release_name = name + ", release " + std::to_string(stated->manifest.release);
  out.expected.enclave = [bytes, name](const attest::VerifiedDocument& document) -> Status {
    const attest::ManifestExpectations expected{
        .name = name, .minimum_release = 0, .at = document.document().timestamp};
    COFFERDAM_CHECK(attest::verify_release_manifest(bytes, document, expected));
    return {};
  };
  return {};
}

Result<attest::TrustRoot> read_root(const std::string& file) {
  if (file.empty()) return attest::TrustRoot::aws();
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxRootFile));
  return attest::TrustRoot::from_pem(pem);
}

// Knows in which file a line is when the verifier counts all of them.
class Places {
 public:
  std::uint64_t number_of(const std::string& file, const ledger::LineReader::Line& line) {
    if (files_.empty() || line.number == 1) files_.push_back({file, last_});
    last_ = files_.back().before + line.number;
    return last_;
  }

  std::string name(std::uint64_t number) const {
    std::string out;
    for (const auto& [file, before] : files_) {
      if (number > before) out = file + ":" + std::to_string(number - before);
    }
    return out;
  }

 private:
  struct File {
    std::string file;
    std::uint64_t before;
  };
  std::vector<File> files_;
  std::uint64_t last_ = 0;
};

// One verification, from the files to the verdict.
class Audit {
 public:
  Audit(const Options& options, Demands demands, attest::TrustRoot root)
      : options_(options),
        kept_(demands.expected.kept),
        compared_(demands.expected.pcrs),
        release_(std::move(demands.release_name)),
        documents_(std::move(root)),
        verifier_(documents_, std::move(demands.expected)) {}

  Status read() {
    const auto use = [this](const std::string& file, const ledger::LineReader::Line& line) {
      add(file, line);
    };
    COFFERDAM_CHECK(audit::for_each_line(options_.files, use));
    verifier_.finish();
    return {};
  }

  bool sound() const { return verifier_.sound(); }

  Status keep_heads() const {
    std::vector<ledger::SignedHead> seen;
    for (const LedgerVerdict* const ledger : verifier_.ledgers()) seen.push_back(ledger->head);
    return ledger::write_kept_heads(options_.heads, ledger::advance(kept_, seen));
  }

  void print_json() const {
    json::array ledgers;
    for (const LedgerVerdict* const ledger : verifier_.ledgers()) {
      ledgers.push_back(describe(*ledger));
    }
    json::array stray;
    for (const Problem& problem : verifier_.stray()) stray.push_back(describe(problem));
    json::array compared;
    for (const auto& [index, value] : compared_) compared.push_back(index);
    const json::object out{{"valid", sound()},
                           {"root", options_.root.empty() ? "aws" : options_.root},
                           {"comparedPcrs", compared},
                           {"release", text_or_null(release_)},
                           {"headsKept", !options_.heads.empty()},
                           {"halfLines", half_lines_},
                           {"ledgers", ledgers},
                           {"problems", stray}};
    std::cout << pretty_json(out);
  }

  void print_text() const {
    for (const LedgerVerdict* const ledger : verifier_.ledgers()) print(*ledger);
    for (const Problem& problem : verifier_.stray()) print(problem);
    if (half_lines_ != 0) {
      std::cout << "note: " << half_lines_
                << " half line at the end, left by a writer that died: never acknowledged\n";
    }
    std::cout << (sound() ? "VALID: " : "REFUSED: ") << verifier_.ledgers().size()
              << (verifier_.ledgers().size() == 1 ? " ledger" : " ledgers") << '\n';
  }

 private:
  void add(const std::string& file, const ledger::LineReader::Line& line) {
    const std::uint64_t number = places_.number_of(file, line);
    if (line.too_long) return verifier_.add_unreadable(number, "the line is too long");
    if (line.ended) return verifier_.add(line.text, number);
    if (ledger::is_half_line(line.text)) {
      ++half_lines_;
    } else {
      verifier_.add_unreadable(number, "the last line does not end, and is no half line either");
    }
  }

  static json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
  }

  const ledger::SignedHead* kept_head(const ledger::LedgerId& id) const {
    const auto found =
        std::ranges::find_if(kept_, [&](const auto& head) { return head.head.ledger == id; });
    return found == kept_.end() ? nullptr : &*found;
  }

  // The end of a ledger, as far as its lines show it.
  std::string end_of(const LedgerVerdict& verdict) const {
    if (verdict.closed) return "closed in good order";
    const ledger::SignedHead* const kept = kept_head(verdict.id);
    const std::string_view open =
        "not closed: the enclave runs, was killed, or entries were cut off";
    if (kept == nullptr) return std::string(open) + " (no head was kept to tell)";
    return std::string(open) + " after the " + std::to_string(kept->head.size) +
           " of the kept head";
  }

  json::object describe(const Problem& problem) const {
    json::object out{{"reason", problem.reason}, {"detail", problem.detail}};
    if (problem.line != 0) out["line"] = places_.name(problem.line);
    return out;
  }

  json::object describe(const LedgerVerdict& verdict) const {
    json::array problems;
    for (const Problem& problem : verdict.problems) problems.push_back(describe(problem));
    const ledger::Head& head = verdict.head.head;
    json::object out{{"ledger", to_hex(verdict.id)},  {"valid", verdict.sound()},
                     {"entries", head.size},          {"first", format_rfc3339(verdict.first)},
                     {"closed", verdict.closed},      {"resent", verdict.resent},
                     {"notJudged", verdict.unjudged}, {"problems", problems}};
    if (head.size != 0) {
      out["last"] = format_rfc3339(head.time);
      out["head"] = ledger::to_json(verdict.head);
    }
    const ledger::SignedHead* const kept = kept_head(verdict.id);
    out["keptEntries"] = kept == nullptr ? json::value(nullptr) : json::value(kept->head.size);
    if (verdict.document) describe(*verdict.document, out);
    return out;
  }

  static void describe(const attest::VerifiedDocument& verified, json::object& out) {
    const attest::Document& document = verified.document();
    json::object pcrs;
    for (const auto& [index, value] : document.pcrs) {
      pcrs["PCR" + std::to_string(index)] = to_hex(value);
    }
    out["moduleId"] = document.module_id;
    out["region"] = verified.region();
    out["documentTime"] = format_rfc3339(document.timestamp);
    out["pcrs"] = pcrs;
  }

  void print(const Problem& problem) const {
    std::cout << "  " << problem.reason << ": " << printable(problem.detail);
    if (problem.line != 0) std::cout << " (" << printable(places_.name(problem.line)) << ")";
    std::cout << '\n';
  }

  void print(const LedgerVerdict& verdict) const {
    const ledger::Head& head = verdict.head.head;
    std::cout << "ledger " << to_hex(verdict.id) << (verdict.sound() ? "  valid" : "  REFUSED")
              << '\n';
    if (verdict.document) print(*verdict.document);
    if (head.size != 0) {
      std::cout << "  entries    " << head.size << ", none missing, from "
                << format_rfc3339(verdict.first) << " to " << format_rfc3339(head.time) << '\n';
      std::cout << "  end        " << end_of(verdict) << '\n';
    }
    if (verdict.resent != 0) {
      std::cout << "  sent again " << verdict.resent << ", unchanged\n";
    }
    for (const Problem& problem : verdict.problems) print(problem);
    if (verdict.unjudged != 0) {
      std::cout << "  not judged " << verdict.unjudged << " after that\n";
    }
  }

  void print(const attest::VerifiedDocument& verified) const {
    const attest::Document& document = verified.document();
    std::cout << "  signed by  a key made in enclave " << printable(document.module_id) << '\n'
              << "  shown by   its attestation document of " << format_rfc3339(document.timestamp)
              << " under " << (options_.root.empty() ? "the AWS root" : options_.root) << '\n';
    std::cout << "  image      ";
    if (compared_.empty() && release_.empty()) {
      std::cout << "not compared: any enclave could have written this (--pcr, --release)";
    } else {
      std::cout << "as demanded:";
      for (const auto& [index, value] : compared_) std::cout << " PCR" << int{index};
      if (!release_.empty()) std::cout << " " << printable(release_);
    }
    std::cout << '\n';
  }

  const Options& options_;
  std::vector<ledger::SignedHead> kept_;
  attest::Pcrs compared_;
  std::string release_;
  attest::Verifier documents_;
  ledger::Verifier verifier_;
  Places places_;
  std::uint64_t half_lines_ = 0;
};

Exit environment(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return Exit::environment;
}

Exit verify(const Options& options) {
  Demands demands;
  for (const std::string& pcr : options.pcrs) {
    if (const Status read = read_pcr_option(pcr, demands.expected.pcrs); !read) {
      return audit::usage_error(read.error(), "verify");
    }
  }
  if (const Status read = read_ledger_ids(options.ledgers, demands.expected.ledgers); !read) {
    return audit::usage_error(read.error(), "verify");
  }
  if (!options.release.empty()) {
    if (const Status read = read_release(options.release, demands); !read) {
      return environment(read.error(), "--release takes a manifest of cofferdam release create");
    }
  }
  if (!options.heads.empty()) {
    auto kept = ledger::read_kept_heads(options.heads);
    if (!kept) return environment(kept.error());
    demands.expected.kept = *std::move(kept);
  }
  auto root = read_root(options.root);
  if (!root) {
    return environment(root.error(), "--root takes a PEM file with one P-384 CA certificate");
  }
  Audit audit(options, std::move(demands), *std::move(root));
  if (const Status read = audit.read(); !read) return environment(read.error());
  if (options.json) {
    audit.print_json();
  } else {
    audit.print_text();
  }
  if (!audit.sound()) return Exit::negative;
  if (!options.heads.empty()) {
    if (const Status kept = audit.keep_heads(); !kept) return environment(kept.error());
  }
  return Exit::ok;
}

}  // namespace

void add_audit_verify(CLI::App& audit, Exit& exit) {
  CLI::App* const command =
      audit.add_subcommand("verify", "Check ledgers against a pinned root, offline");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->files, "Ledgers, in order")->required();
  command->add_option("--root", options->root, "Trust this root instead of AWS's")
      ->type_name("PEM");
  command->add_option("--pcr", options->pcrs, "Require this value; may be repeated")
      ->type_name("N=HEX")
      ->allow_extra_args(false);
  command->add_option("--release", options->release, "Require an enclave of this release")
      ->type_name("MANIFEST");
  command->add_option("--heads", options->heads, "Keep the latest heads here, and compare")
      ->type_name("FILE");
  command->add_option("--expect-ledger", options->ledgers, "Require this ledger; may be repeated")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "Print the verdict as one JSON object");
  command->footer(kFooter);
  command->callback([options, &exit] { exit = verify(*options); });
}

}  // namespace cofferdam::cli
