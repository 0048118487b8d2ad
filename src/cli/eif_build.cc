// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/eif_commands.h"
#include "eif/metadata.h"
#include "eif/report.h"
#include "eif/section_source.h"
#include "eif/writer.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxConfigSize = std::size_t{4} << 20;
constexpr std::int64_t kMaxEpoch = 253402300799;  // The end of the year 9999.

constexpr const char* kBuildFooter =
    R"(The image reproduces byte for byte, except for its signature; its time of build is
SOURCE_DATE_EPOCH, or 1970. The order of the ramdisks is part of the measurement.

Example:
  $ cofferdam eif build --kernel bzImage --cmdline "reboot=k panic=30 console=ttyS0" \
      --ramdisk boot.cpio --ramdisk app.cpio --name payments --image-version 7 \
      --signing-cert cert.pem --signing-key key.pem --output payments.eif)";

// A failure where it belongs, with a word on what to do.
Exit report(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return exit_for(error);
}

struct SigningOptions {
  std::string certificate;
  std::string key;

  void add_to(CLI::App& command, bool required) {
    CLI::Option* cert = command.add_option("--signing-cert", certificate,
                                           "Certificate, PEM; its hash becomes PCR8");
    CLI::Option* priv = command.add_option("--signing-key", key, "Its private key, PEM");
    cert->needs(priv)->required(required);
    priv->needs(cert)->required(required);
  }

  // No signer when none was asked for.
  Result<std::optional<eif::Signer>> load() const {
    if (certificate.empty()) return std::nullopt;
    COFFERDAM_TRY(eif::Signer signer, eif::Signer::load(certificate, key));
    return signer;
  }
};

struct BuildOptions {
  std::string kernel;
  std::string cmdline;
  std::vector<std::filesystem::path> ramdisks;
  eif::BuildInfo info;
  SigningOptions signing;
  std::string kernel_config;
  std::string custom_metadata;
  std::string arch = "x86_64";
  std::int64_t epoch = 0;
  std::string output;
};

Result<std::string> metadata_for(const BuildOptions& options) {
  eif::BuildInfo info = options.info;
  info.build_time = Timestamp(std::chrono::seconds(options.epoch));
  if (!options.kernel_config.empty()) {
    COFFERDAM_TRY(const std::string text, read_text_file(options.kernel_config, kMaxConfigSize));
    const auto identity = eif::kernel_identity(text);
    if (!identity) {
      return fail(Errc::invalid_input, options.kernel_config +
                                           ": expected a line \"# Linux/ARCH VERSION Kernel "
                                           "Configuration\" near the top");
    }
    info.operating_system = identity->operating_system;
    info.kernel_version = identity->version;
  }
  if (!options.custom_metadata.empty()) {
    COFFERDAM_TRY(const std::string text,
                  read_text_file(options.custom_metadata, eif::kMaxCustomMetadataSize));
    COFFERDAM_TRY(info.custom, eif::parse_custom_metadata(text));
  }
  return eif::make_metadata(info);
}

Result<eif::Measurements> build(const BuildOptions& options) {
  COFFERDAM_TRY(const std::optional<eif::Signer> signer, options.signing.load());
  eif::BuildSpec spec;
  spec.kernel = options.kernel;
  spec.cmdline = options.cmdline;
  COFFERDAM_TRY(spec.ramdisks, eif::open_files(options.ramdisks));
  COFFERDAM_TRY(spec.metadata, metadata_for(options));
  spec.arch = eif::arch_from_name(options.arch).value_or(eif::Arch::x86_64);
  spec.signer = signer ? &*signer : nullptr;
  return eif::build_image(std::move(spec), options.output);
}

Exit print_measurements(const Result<eif::Measurements>& measured) {
  if (!measured) return report(measured.error());
  std::cout << pretty_json(json::object{{"Measurements", eif::measurements_json(*measured)}});
  return Exit::ok;
}

}  // namespace

void add_eif_build(CLI::App& eif, Exit& exit) {
  CLI::App* const command =
      eif.add_subcommand("build", "Make an image of a kernel and ramdisks, and measure it");
  auto options = std::make_shared<BuildOptions>();
  command->add_option("--kernel", options->kernel, "Kernel: bzImage, or Image on aarch64")
      ->required();
  command->add_option("--cmdline", options->cmdline, "Kernel command line")->required();
  command->add_option("--ramdisk", options->ramdisks, "Ramdisk; repeat in order")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--kernel-config", options->kernel_config,
                      "The kernel's .config, for the metadata");
  options->signing.add_to(*command, /*required=*/false);
  command->add_option("--name", options->info.image_name, "Name, for the metadata");
  command->add_option("--image-version", options->info.image_version, "Version, likewise");
  command->add_option("--metadata", options->custom_metadata, "A JSON object of your own, 4 KiB");
  command->add_option("--arch", options->arch, "x86_64 or aarch64")
      ->check(CLI::IsMember({"x86_64", "aarch64"}))
      ->capture_default_str();
  command->add_option("--source-date-epoch", options->epoch, "Time of build, seconds since 1970")
      ->check(CLI::Range(std::int64_t{0}, kMaxEpoch))
      ->envname("SOURCE_DATE_EPOCH");
  command->add_option("--output", options->output, "The image")->required();
  command->footer(kBuildFooter);
  command->callback([options, &exit] { exit = print_measurements(build(*options)); });
}

}  // namespace cofferdam::cli
