// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "attest/reason.h"
#include "attest/release_manifest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/pcr_option.h"
#include "cli/release_support.h"
#include "crypto/certificate_view.h"
#include "eif/image_files.h"
#include "eif/reader.h"
#include "eif/signature.h"
#include "eif/verify.h"

namespace cofferdam::cli {
namespace release {

constexpr std::size_t kPcrSize = 48;

json::object describe(const attest::ReleaseManifest& manifest) {
  json::object pcrs;
  for (const auto& [index, value] : manifest.pcrs) {
    pcrs["PCR" + std::to_string(index)] = to_hex(value);
  }
  return {{"name", manifest.name},
          {"release", manifest.release},
          {"notAfter", format_rfc3339(manifest.not_after)},
          {"pcrs", pcrs}};
}

Exit usage_error(const Error& error, std::string_view command) {
  print_error(error, "see cofferdam release " + std::string(command) + " --help");
  return Exit::usage;
}

Bytes octets(const crypto::Sha384& digest) { return {digest.begin(), digest.end()}; }

Result<Bytes> read_register(std::string_view option, std::string_view hex) {
  auto value = from_hex(hex);
  if (!value || value->size() != kPcrSize) {
    return fail(Errc::invalid_input, std::string(option) + ": expected 96 hexadecimal digits");
  }
  return value;
}

Result<agent::MeasuredConfig> config_of_image(const eif::Image& image) {
  return agent::measure_config(
      [&image](std::string_view path, std::size_t max_size) -> Result<Bytes> {
        return eif::image_file(image, path, max_size);
      });
}

}  // namespace release

namespace {

constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;

constexpr const char* kVerifyFooter =
    R"(Whose manifests you trust is PCR8: of a signing certificate (--signing-cert), of a signed
image (--image), or as a value (--pcr8). With --image the manifest must be of that image: its
PCR0, PCR1, PCR2 and, where the image carries its configuration, PCR16. Other registers, name
and release number are compared where you give them.
Exit status: 0 valid, 1 refused (the reason is in the output), 2 usage, 3 environment.

Examples:
  $ cofferdam release verify payments.release --image payments.eif
  $ cofferdam release verify payments.release --pcr8 $PCR8 --name payments --minimum-release 7)";

constexpr const char* kShowFooter =
    R"(Shows what a manifest says, without judging it, as JSON.

Example:
  $ cofferdam release show payments.release | jq .release)";

void print(const json::object& object) { std::cout << pretty_json(object); }

Exit report(const Error& error) {
  print_error(error);
  return exit_for(error);
}

// ---- show

Exit show(const std::string& file) {
  const auto bytes = read_file(file, attest::kMaxManifestSize);
  if (!bytes) return report(bytes.error());
  const auto parsed = attest::parse_release_manifest(*bytes);
  if (!parsed) return report(parsed.error());
  json::object out = release::describe(parsed->manifest);
  json::object certificate{{"pcr8", to_hex(attest::pcr8_of_certificate(parsed->certificate))}};
  if (const auto view = crypto::CertificateView::parse(parsed->certificate)) {
    json::object subject;
    for (const auto& [type, value] : view->subject) subject[type] = value;
    certificate["subject"] = subject;
    certificate["notBefore"] = format_rfc3339(view->not_before);
    certificate["notAfter"] = format_rfc3339(view->not_after);
  }
  out["certificate"] = certificate;
  print(out);
  return Exit::ok;
}

void add_show(CLI::App& parent, Exit& exit) {
  CLI::App* const command = parent.add_subcommand("show", "Print what a manifest says");
  auto file = std::make_shared<std::string>();
  command->add_option("MANIFEST", *file, "The manifest")->required();
  auto json = std::make_shared<bool>();
  command->add_flag("--json", *json, "Print JSON, as it does anyway");
  command->footer(kShowFooter);
  command->callback([file, json, &exit] { exit = show(*file); });
}

// ---- verify

struct VerifyOptions {
  std::string file;
  std::string pcr8;
  std::string certificate;
  std::string image;
  std::vector<std::string> pcrs;
  std::optional<std::string> name;
  std::uint64_t minimum_release = 0;
  std::string at;
};

struct Demands {
  attest::Pcrs pcrs;
  attest::ManifestExpectations expected;
};

// Two demands on one register must agree.
Status demand(std::uint8_t index, Bytes value, attest::Pcrs& pcrs) {
  const auto [at, added] = pcrs.emplace(index, value);
  if (added || at->second == value) return {};
  return fail(Errc::denied, attest::reason::kPcrMismatch,
              "PCR" + std::to_string(index) + ": expected " + to_hex(at->second) + ", found " +
                  to_hex(value));
}

// Reads what was typed. A failure here is a wrong use of the command.
Result<Demands> read_demands(const VerifyOptions& options) {
  Demands out;
  if (options.pcr8.empty() && options.certificate.empty() && options.image.empty()) {
    return fail(Errc::invalid_input,
                "whose manifests do you trust? Give --pcr8, --signing-cert or --image");
  }
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
  if (!options.pcr8.empty()) {
    COFFERDAM_TRY(Bytes pcr8, release::read_register("--pcr8", options.pcr8));
    out.pcrs.insert_or_assign(8, std::move(pcr8));
  }
  out.expected.minimum_release = options.minimum_release;
  out.expected.at = SystemClock().now();
  if (!options.at.empty()) {
    COFFERDAM_TRY(out.expected.at, parse_rfc3339(options.at));
  }
  return out;
}

Status demand_certificate(const std::string& file, Demands& out) {
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxPemSize));
  COFFERDAM_TRY(const auto certificate, eif::SigningCertificate::from_pem(pem));
  return demand(8, release::octets(certificate.pcr8), out.pcrs);
}

// The registers of a signed image that is sound, its configuration's included if it can be told.
Status demand_image(const std::string& file, Demands& out) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(file));
  eif::ImageExpectations expected;
  expected.at = out.expected.at;
  COFFERDAM_TRY(const eif::Measurements measured, eif::verify_image(image, expected));
  if (!measured.pcr8) {
    return fail(Errc::denied, "unsigned", file + " is not signed: no release can be of it");
  }
  COFFERDAM_CHECK(demand(0, release::octets(measured.pcr0), out.pcrs));
  COFFERDAM_CHECK(demand(1, release::octets(measured.pcr1), out.pcrs));
  COFFERDAM_CHECK(demand(2, release::octets(measured.pcr2), out.pcrs));
  COFFERDAM_CHECK(demand(8, release::octets(*measured.pcr8), out.pcrs));
  const auto config = release::config_of_image(image);
  if (!config) return {};
  return demand(16, release::octets(agent::expected_pcr16(config->digest)), out.pcrs);
}

// What nobody demanded is taken from the manifest, and so agrees with it.
Result<attest::ReleaseManifest> judge(ByteView bytes, const VerifyOptions& options,
                                      Demands demands) {
  COFFERDAM_TRY(const attest::UnverifiedManifest stated, attest::parse_release_manifest(bytes));
  demands.pcrs.insert(stated.manifest.pcrs.begin(), stated.manifest.pcrs.end());
  demands.expected.name = options.name.value_or(stated.manifest.name);
  return attest::verify_release_manifest(bytes, demands.pcrs, demands.expected);
}

json::array register_names(const attest::Pcrs& pcrs) {
  json::array out;
  for (const auto& [index, value] : pcrs) out.push_back(index);
  return out;
}

Exit print_refusal(const Error& error) {
  const std::string_view reason =
      error.reason.empty() ? attest::reason::kManifestMalformed : error.reason;
  print({{"valid", false}, {"reason", reason}, {"detail", error.detail}});
  return Exit::negative;
}

Exit verify(const VerifyOptions& options) {
  auto demands = read_demands(options);
  if (!demands) return release::usage_error(demands.error(), "verify");
  if (!options.certificate.empty()) {
    const Status read = demand_certificate(options.certificate, *demands);
    if (!read && read.error().reason == attest::reason::kPcrMismatch) {
      return print_refusal(read.error());
    }
    if (!read) {
      print_error(read.error(), "--signing-cert takes a PEM certificate");
      return Exit::environment;
    }
  }
  if (!options.image.empty()) {
    if (const Status read = demand_image(options.image, *demands); !read) {
      return exit_for(read.error()) == Exit::negative ? print_refusal(read.error())
                                                      : report(read.error());
    }
  }
  const json::array compared = register_names(demands->pcrs);
  const auto bytes = read_file(options.file, attest::kMaxManifestSize);
  if (!bytes) {
    return exit_for(bytes.error()) == Exit::negative ? print_refusal(bytes.error())
                                                     : report(bytes.error());
  }
  const auto manifest = judge(*bytes, options, *std::move(demands));
  if (!manifest) return print_refusal(manifest.error());
  json::object out{{"valid", true}};
  for (const auto& [key, value] : release::describe(*manifest)) out[key] = value;
  out["compared"] = compared;
  print(out);
  return Exit::ok;
}

void add_verify(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("verify", "Check a manifest as an enclave of the release would");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("MANIFEST", options->file, "The manifest")->required();
  command->add_option("--image", options->image, "Require a release of this signed image");
  command->add_option("--signing-cert", options->certificate,
                      "Require a release by this certificate, PEM");
  command->add_option("--pcr8", options->pcr8, "PCR8 of the signer you trust, hex");
  command->add_option("--pcr", options->pcrs, "N=HEX: require this value; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--name", options->name, "Require this name");
  command->add_option("--minimum-release", options->minimum_release, "Refuse older releases");
  command->add_option("--at", options->at, "Judge at this time, RFC 3339, instead of now");
  command->footer(kVerifyFooter);
  command->callback([options, &exit] { exit = verify(*options); });
}

}  // namespace

void add_release(CLI::App& app, Exit& exit) {
  CLI::App* const release =
      app.add_subcommand("release", "Make and check the manifests that enclaves boot with");
  release->require_subcommand(1);
  add_release_create(*release, exit);
  add_show(*release, exit);
  add_verify(*release, exit);
}

}  // namespace cofferdam::cli
