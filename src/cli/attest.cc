// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "attest/certificate.h"
#include "attest/document.h"
#include "attest/reason.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/pcr_option.h"
#include "crypto/digest.h"

namespace cofferdam::cli {
namespace {

using attest::Document;
using attest::Expectations;
using attest::Kind;

constexpr std::size_t kMaxInput = 4 * attest::kMaxDocumentSize;
constexpr std::size_t kMaxRootFile = std::size_t{64} * 1024;

constexpr const char* kShowFooter =
    R"(FILE holds a document as raw bytes, base64 or hexadecimal; `-` is standard input.

Example:
  $ cofferdam attest show document.bin | jq .pcrs)";

constexpr const char* kVerifyFooter =
    R"(FILE holds a document as raw bytes, base64 or hexadecimal; `-` is standard input.
Exit status: 0 valid, 1 refused (the reason is in the output), 2 usage, 3 environment.

Example:
  $ nonce=$(openssl rand -hex 32)
  $ ... --nonce "$nonce" > document.bin
  $ cofferdam attest verify document.bin --nonce "$nonce" --pcr 0=$PCR0 --pcr 8=$PCR8)";

// What was typed; turned into Expectations once.
struct VerifyOptions {
  std::string file;
  std::string root;
  std::string at;
  std::vector<std::string> pcrs;
  std::string nonce;
  std::string user_data;
  std::string max_age;
  std::string kind = "enclave";
  bool allow_debug = false;
  bool strict = false;
};

void print(const json::object& object) { std::cout << pretty_json(object); }

Exit print_refusal(const Error& error) {
  const std::string_view reason = error.reason.empty() ? attest::reason::kMalformed : error.reason;
  print({{"valid", false}, {"reason", reason}, {"detail", error.detail}});
  return Exit::negative;
}

Exit usage_error(std::string_view option, const Error& error) {
  print_error(
      {.code = error.code, .detail = std::string(option) + ": " + error.detail, .reason = {}},
      "see cofferdam attest verify --help");
  return Exit::usage;
}

json::value hex_or_null(const std::optional<Bytes>& bytes) {
  return bytes ? json::value(to_hex(*bytes)) : json::value(nullptr);
}

json::object describe_pcrs(const attest::Pcrs& pcrs) {
  json::object out;
  for (const auto& [index, value] : pcrs) out["PCR" + std::to_string(index)] = to_hex(value);
  return out;
}

json::object describe(const Document& document) {
  return {{"kind", document.kind == Kind::enclave ? "enclave" : "nitrotpm"},
          {"moduleId", document.module_id},
          {"timestamp", format_rfc3339(document.timestamp)},
          {"digest", document.digest},
          {"pcrs", describe_pcrs(document.pcrs)},
          {"debugMode", document.kind == Kind::enclave && attest::is_debug(document.pcrs)},
          {"publicKey", hex_or_null(document.public_key)},
          {"userData", hex_or_null(document.user_data)},
          {"nonce", hex_or_null(document.nonce)}};
}

json::object describe_certificate(ByteView der) {
  json::object out{{"sha256", to_hex(crypto::sha256(der))}, {"der", to_base64(der)}};
  const auto parsed = attest::parse_certificate(der);
  if (!parsed) {
    out["error"] = parsed.error().detail;
    return out;
  }
  out["commonName"] = parsed->common_name;
  out["serial"] = to_hex(parsed->serial);
  out["notBefore"] = format_rfc3339(parsed->validity.not_before);
  out["notAfter"] = format_rfc3339(parsed->validity.not_after);
  out["isCa"] = parsed->is_ca;
  if (const auto length = parsed->path_length) out["pathLength"] = *length;
  return out;
}

json::object describe_signed(const attest::SignedDocument& parsed) {
  json::object out = describe(parsed.document);
  out["certificate"] = describe_certificate(parsed.document.certificate);
  json::array cabundle;
  for (const Bytes& der : parsed.document.cabundle) cabundle.push_back(describe_certificate(der));
  out["cabundle"] = std::move(cabundle);
  out["unknownFields"] =
      json::array(parsed.document.unknown_fields.begin(), parsed.document.unknown_fields.end());
  out["protectedHeader"] = to_hex(parsed.message.protected_header);
  out["signature"] = to_hex(parsed.message.signature);
  return out;
}

Result<Bytes> read_document(const std::string& file) {
  COFFERDAM_TRY(const Bytes input, read_file(file, kMaxInput));
  return attest::decode_document_input(input);
}

// A file that cannot be read is the environment's fault, one that holds no document is not.
Exit report_unreadable(const Error& error) {
  if (exit_for(error) == Exit::negative) return print_refusal(error);
  print_error(error, "give the path of a document, or - for standard input");
  return exit_for(error);
}

Exit show(const std::string& file) {
  const auto bytes = read_document(file);
  if (!bytes) return report_unreadable(bytes.error());
  const auto parsed = attest::parse_document(*bytes);
  if (!parsed) return print_refusal(parsed.error());
  print(describe_signed(*parsed));
  return Exit::ok;
}

Status read_bytes(const std::string& text, std::optional<Bytes>& out) {
  COFFERDAM_TRY(out, from_hex(text));
  return {};
}

// Reads one option's text; prints what is wrong with it.
template <class Read>
bool accept(std::string_view option, Read read) {
  const Status status = read();
  if (!status) usage_error(option, status.error());
  return status.has_value();
}

// nullopt when something is wrong with an option; it has been said on standard error.
std::optional<Expectations> read_expectations(const CLI::App& command,
                                              const VerifyOptions& options) {
  Expectations out{.at = SystemClock().now(),
                   .kind = options.kind == "nitrotpm" ? Kind::nitrotpm : Kind::enclave,
                   .allow_debug = options.allow_debug,
                   .strict = options.strict};
  const auto given = [&](const char* option) { return command.count(option) != 0; };
  const auto at = [&]() -> Status {
    COFFERDAM_TRY(out.at, parse_rfc3339(options.at));
    return {};
  };
  const auto max_age = [&]() -> Status {
    COFFERDAM_TRY(out.max_age, parse_duration(options.max_age));
    return {};
  };
  const auto pcrs = [&]() -> Status {
    for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
    return {};
  };
  const auto nonce = [&] { return read_bytes(options.nonce, out.nonce); };
  const auto user_data = [&] { return read_bytes(options.user_data, out.user_data); };
  const bool good = (!given("--at") || accept("--at", at)) &&
                    (!given("--max-age") || accept("--max-age", max_age)) &&
                    (!given("--nonce") || accept("--nonce", nonce)) &&
                    (!given("--user-data") || accept("--user-data", user_data)) &&
                    accept("--pcr", pcrs);
  if (!good) return std::nullopt;
  return out;
}

Result<attest::TrustRoot> read_root(const std::string& file) {
  if (file.empty()) return attest::TrustRoot::aws();
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxRootFile));
  return attest::TrustRoot::from_pem(pem);
}

Exit print_verdict(const attest::VerifiedDocument& verified) {
  json::object out{{"valid", true}};
  for (auto& [name, value] : describe(verified.document())) out[name] = value;
  out["region"] = verified.region();
  out["instanceId"] = verified.instance_id();
  out["inconsistencies"] =
      json::array(verified.inconsistencies().begin(), verified.inconsistencies().end());
  print(out);
  return Exit::ok;
}

Exit verify(const CLI::App& command, const VerifyOptions& options) {
  const auto expected = read_expectations(command, options);
  if (!expected) return Exit::usage;
  auto root = read_root(options.root);
  if (!root) {
    print_error(root.error(), "--root takes a PEM file with one P-384 CA certificate");
    return Exit::environment;
  }
  const auto bytes = read_document(options.file);
  if (!bytes) return report_unreadable(bytes.error());
  const attest::Verifier verifier(*std::move(root));
  const auto verified = verifier.verify(*bytes, *expected);
  return verified ? print_verdict(*verified) : print_refusal(verified.error());
}

void add_show(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("show", "Print every field of a document, without judging it");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The document")->required();
  command->footer(kShowFooter);
  command->callback([file, &exit] { exit = show(*file); });
}

void add_verify(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("verify", "Check a document against a pinned root, offline");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("FILE", options->file, "The document")->required();
  const auto add = [command](const char* name, auto& target, const char* form, const char* text) {
    return command->add_option(name, target, text)->type_name(form);
  };
  add("--root", options->root, "PEM", "Trust this root instead of AWS's");
  add("--at", options->at, "RFC3339", "Judge at this time instead of now");
  // One value each, so that the next word is not taken for another register.
  add("--pcr", options->pcrs, "N=HEX", "Require this value; may be repeated")
      ->allow_extra_args(false);
  add("--nonce", options->nonce, "HEX", "Require this nonce; without it a replay goes unseen");
  add("--user-data", options->user_data, "HEX", "Require this user data");
  add("--max-age", options->max_age, "DURATION", "Refuse older documents: 90s, 15m, 3h");
  command->add_option("--kind", options->kind, "What must have signed")
      ->check(CLI::IsMember({"enclave", "nitrotpm"}))
      ->type_name("KIND");
  command->add_flag("--allow-debug", options->allow_debug, "Accept an enclave in debug mode");
  command->add_flag("--strict", options->strict,
                    "Serial, instance, region and launch time must agree too");
  command->footer(kVerifyFooter);
  command->callback([command, options, &exit] { exit = verify(*command, *options); });
}

}  // namespace

void add_attest(CLI::App& app, Exit& exit) {
  CLI::App* const attest =
      app.add_subcommand("attest", "Show and verify attestation documents, offline");
  attest->require_subcommand(1);
  add_show(*attest, exit);
  add_verify(*attest, exit);
}

}  // namespace cofferdam::cli
