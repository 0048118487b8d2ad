// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
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
#include "crypto/certificate_view.h"
#include "eif/signature.h"
#include "eif/verify.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kPcrSize = 48;

constexpr const char* kCreateFooter =
    R"(The manifest tells an enclave which measurements its own release has; the parent hands it
over at boot. It must be signed with the key that signed the image.

Example:
  $ cofferdam release create --image payments.eif --name payments --release 7 \
      --config rootfs --not-after 2027-01-01T00:00:00Z \
      --signing-cert cert.pem --signing-key key.pem --output payments.release)";

constexpr const char* kVerifyFooter =
    R"(PCR8 says whose manifests you trust: see `cofferdam eif pcr --signing-cert`. Registers, name
and release number are compared where you give them.
Exit status: 0 valid, 1 refused (the reason is in the output), 2 usage, 3 environment.

Example:
  $ cofferdam release verify payments.release --pcr8 $PCR8 --name payments --minimum-release 7)";

constexpr const char* kShowFooter =
    R"(Shows what a manifest says, without judging it.

Example:
  $ cofferdam release show payments.release | jq .release)";

void print(const json::object& object) { std::cout << pretty_json(object); }

Exit report(const Error& error) {
  print_error(error);
  return exit_for(error);
}

Exit usage_error(const Error& error, std::string_view command) {
  print_error(error, "see cofferdam release " + std::string(command) + " --help");
  return Exit::usage;
}

Result<Bytes> read_register(std::string_view option, std::string_view hex) {
  auto value = from_hex(hex);
  if (!value || value->size() != kPcrSize) {
    return fail(Errc::invalid_input, std::string(option) + ": expected 96 hexadecimal digits");
  }
  return value;
}

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

// ---- create

struct CreateOptions {
  std::string image;
  std::vector<std::string> pcrs;
  std::string name;
  std::uint64_t release = 0;
  std::string pcr16;
  std::string config;
  std::string not_after;
  std::string certificate;
  std::string key;
  std::string output;
};

Bytes octets(const crypto::Sha384& digest) { return {digest.begin(), digest.end()}; }

// What the options say by themselves: name, release, time and typed registers.
Result<attest::ReleaseManifest> read_options(const CreateOptions& options) {
  attest::ReleaseManifest out;
  out.name = options.name;
  out.release = options.release;
  COFFERDAM_TRY(out.not_after, parse_rfc3339(options.not_after));
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
  if (!options.pcr16.empty()) {
    COFFERDAM_TRY(Bytes value, read_register("--pcr16", options.pcr16));
    out.pcrs.insert_or_assign(16, std::move(value));
  }
  return out;
}

// PCR0, PCR1 and PCR2 of an image that this signer signed.
Status add_image(const std::string& file, const eif::Signer& signer, attest::ReleaseManifest& out) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(file));
  eif::ImageExpectations expected;
  expected.at = SystemClock().now();
  expected.certificate = signer.certificate();
  COFFERDAM_TRY(const eif::Measurements measured, eif::verify_image(image, expected));
  out.pcrs.insert_or_assign(0, octets(measured.pcr0));
  out.pcrs.insert_or_assign(1, octets(measured.pcr1));
  out.pcrs.insert_or_assign(2, octets(measured.pcr2));
  return {};
}

// PCR16 of a configuration; refuses a manifest that an enclave so configured would refuse.
Status add_config(const std::string& folder, const eif::Signer& signer,
                  attest::ReleaseManifest& out) {
  COFFERDAM_TRY(const agent::MeasuredConfig measured, agent::load_config(folder));
  const agent::Config& config = measured.config;
  if (config.name != out.name) {
    return fail(Errc::denied, attest::reason::kNameMismatch,
                "the configuration is of enclave " + config.name + ", not " + out.name);
  }
  if (out.release < config.minimum_release) {
    return fail(Errc::denied, attest::reason::kReleaseTooOld,
                "the configuration accepts releases from " +
                    std::to_string(config.minimum_release) + " on");
  }
  if (config.pcr8 != signer.certificate().pcr8) {
    return fail(Errc::denied, attest::reason::kPcrMismatch,
                "PCR8 of the configuration is not that of the signing certificate");
  }
  out.pcrs.insert_or_assign(16, octets(agent::expected_pcr16(measured.digest)));
  return {};
}

Result<Bytes> make_manifest(const CreateOptions& options, attest::ReleaseManifest manifest) {
  COFFERDAM_TRY(const eif::Signer signer, eif::Signer::load(options.certificate, options.key));
  manifest.pcrs.insert_or_assign(8, octets(signer.certificate().pcr8));
  if (!options.image.empty()) COFFERDAM_CHECK(add_image(options.image, signer, manifest));
  if (!options.config.empty()) COFFERDAM_CHECK(add_config(options.config, signer, manifest));
  return attest::sign_release_manifest(manifest, signer.certificate().der, signer.key());
}

Exit create(const CreateOptions& options) {
  auto manifest = read_options(options);
  if (!manifest) return usage_error(manifest.error(), "create");
  const auto bytes = make_manifest(options, *std::move(manifest));
  if (!bytes) return report(bytes.error());
  if (const Status written = write_file_atomic(options.output, *bytes); !written) {
    return report(written.error());
  }
  const auto shown = attest::parse_release_manifest(*bytes);
  if (!shown) return report(shown.error());
  json::object out = describe(shown->manifest);
  out["output"] = options.output;
  print(out);
  return Exit::ok;
}

void add_create(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("create", "State and sign the measurements of a release");
  auto options = std::make_shared<CreateOptions>();
  auto* const what = command->add_option_group("image", "Where PCR0, PCR1 and PCR2 come from");
  what->add_option("--image", options->image, "A signed image");
  what->add_option("--pcr", options->pcrs, "N=HEX; once for each of 0, 1 and 2")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  what->require_option(1);
  auto* const config = command->add_option_group("config", "Where PCR16 comes from");
  config->add_option("--pcr16", options->pcr16, "Its value, hex");
  config->add_option("--config", options->config,
                     "The image's root folder, with etc/cofferdam/agent.toml");
  config->require_option(1);
  command->add_option("--name", options->name, "Name of the enclave")->required();
  command->add_option("--release", options->release, "Release number; only ever grows")->required();
  command->add_option("--not-after", options->not_after, "End of its validity, RFC 3339")
      ->required();
  command->add_option("--signing-cert", options->certificate, "The image's certificate, PEM")
      ->required();
  command->add_option("--signing-key", options->key, "Its private key, PEM")->required();
  command->add_option("--output", options->output, "The manifest")->required();
  command->footer(kCreateFooter);
  command->callback([options, &exit] { exit = create(*options); });
}

// ---- show

Exit show(const std::string& file) {
  const auto bytes = read_file(file, attest::kMaxManifestSize);
  if (!bytes) return report(bytes.error());
  const auto parsed = attest::parse_release_manifest(*bytes);
  if (!parsed) return report(parsed.error());
  json::object out = describe(parsed->manifest);
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
  command->footer(kShowFooter);
  command->callback([file, &exit] { exit = show(*file); });
}

// ---- verify

struct VerifyOptions {
  std::string file;
  std::string pcr8;
  std::vector<std::string> pcrs;
  std::optional<std::string> name;
  std::uint64_t minimum_release = 0;
  std::string at;
};

struct Demands {
  attest::Pcrs pcrs;
  attest::ManifestExpectations expected;
};

Result<Demands> read_demands(const VerifyOptions& options) {
  Demands out;
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
  COFFERDAM_TRY(Bytes pcr8, read_register("--pcr8", options.pcr8));
  out.pcrs.insert_or_assign(8, std::move(pcr8));
  out.expected.minimum_release = options.minimum_release;
  out.expected.at = SystemClock().now();
  if (!options.at.empty()) {
    COFFERDAM_TRY(out.expected.at, parse_rfc3339(options.at));
  }
  return out;
}

// What nobody demanded is taken from the manifest, and so agrees with it.
Result<attest::ReleaseManifest> judge(ByteView bytes, const VerifyOptions& options,
                                      Demands demands) {
  COFFERDAM_TRY(const attest::UnverifiedManifest stated, attest::parse_release_manifest(bytes));
  demands.pcrs.insert(stated.manifest.pcrs.begin(), stated.manifest.pcrs.end());
  demands.expected.name = options.name.value_or(stated.manifest.name);
  return attest::verify_release_manifest(bytes, demands.pcrs, demands.expected);
}

Exit verify(const VerifyOptions& options) {
  auto demands = read_demands(options);
  if (!demands) return usage_error(demands.error(), "verify");
  const auto bytes = read_file(options.file, attest::kMaxManifestSize);
  if (!bytes && exit_for(bytes.error()) != Exit::negative) return report(bytes.error());
  const auto manifest = bytes ? judge(*bytes, options, *std::move(demands))
                              : Result<attest::ReleaseManifest>(std::unexpected(bytes.error()));
  if (!manifest) {
    const Error& error = manifest.error();
    const std::string_view reason =
        error.reason.empty() ? attest::reason::kManifestMalformed : error.reason;
    print({{"valid", false}, {"reason", reason}, {"detail", error.detail}});
    return Exit::negative;
  }
  json::object out{{"valid", true}};
  for (const auto& [key, value] : describe(*manifest)) out[key] = value;
  print(out);
  return Exit::ok;
}

void add_verify(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("verify", "Check a manifest as an enclave of the release would");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("MANIFEST", options->file, "The manifest")->required();
  command->add_option("--pcr8", options->pcr8, "PCR8 of the signer you trust, hex")->required();
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
  add_create(*release, exit);
  add_show(*release, exit);
  add_verify(*release, exit);
}

}  // namespace cofferdam::cli
