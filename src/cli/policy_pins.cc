// SPDX-License-Identifier: Apache-2.0
#include "cli/policy_pins.h"

#include <algorithm>
#include <iostream>

#include "attest/release_manifest.h"
#include "base/file.h"
#include "base/time.h"
#include "cli/release_support.h"
#include "eif/signature.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;

Status pin_signer(Bytes value, policy::PinnedPcrs& pins) {
  auto& known = pins[8];
  if (known.empty())
    known.push_back(std::move(value));
  else if (known.front() != value) {
    return fail(Errc::invalid_input, "two options name different values for PCR8");
  }
  return {};
}

void pin(int index, Bytes value, policy::PinnedPcrs& pins) {
  auto& known = pins[index];
  if (std::ranges::find(known, value) == known.end()) known.push_back(std::move(value));
}

Status pin_image(const PinOptions& options, policy::PinnedPcrs& pins) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(options.image));
  COFFERDAM_TRY(const eif::Measurements measured, image.measure());
  if (!measured.pcr8) {
    return fail(Errc::invalid_input, options.image + " is not signed: it has no PCR8 to pin");
  }
  COFFERDAM_CHECK(pin_signer(release::octets(*measured.pcr8), pins));
  if (options.pin_pcr0) pin(0, release::octets(measured.pcr0), pins);
  return {};
}

// Whoever gives the manifest trusts it; that its own key signed it is checked nevertheless.
Status pin_manifest(const PinOptions& options, policy::PinnedPcrs& pins) {
  COFFERDAM_TRY(const Bytes bytes, read_file(options.manifest, attest::kMaxManifestSize));
  COFFERDAM_TRY(const auto parsed, attest::parse_release_manifest(bytes));
  COFFERDAM_TRY(const auto manifest, attest::verify_release_manifest(bytes, parsed.manifest.pcrs,
                                                                     {.name = parsed.manifest.name,
                                                                      .minimum_release = 0,
                                                                      .at = SystemClock().now()}));
  COFFERDAM_CHECK(pin_signer(manifest.pcrs.at(8), pins));
  if (options.pin_pcr0) pin(0, manifest.pcrs.at(0), pins);
  if (options.pin_pcr16) pin(16, manifest.pcrs.at(16), pins);
  return {};
}

Status pin_typed(const PinOptions& options, policy::PinnedPcrs& pins) {
  if (!options.pcr8.empty()) {
    COFFERDAM_TRY(Bytes value, release::read_register("--pcr8", options.pcr8));
    COFFERDAM_CHECK(pin_signer(std::move(value), pins));
  }
  for (const std::string& text : options.pcr0) {
    COFFERDAM_TRY(Bytes value, release::read_register("--pcr0", text));
    pin(0, std::move(value), pins);
  }
  for (const std::string& text : options.pcr16) {
    COFFERDAM_TRY(Bytes value, release::read_register("--pcr16", text));
    pin(16, std::move(value), pins);
  }
  if (!options.pcr3.empty()) {
    COFFERDAM_TRY(Bytes value, release::read_register("--pcr3", options.pcr3));
    pin(3, std::move(value), pins);
  }
  return {};
}

}  // namespace

void add_pin_options(CLI::App& command, PinOptions& options) {
  command.add_option("--pcr8", options.pcr8, "Hash of the signing certificate")->type_name("HEX");
  command.add_option("--signing-cert", options.certificate, "The signing certificate, for PCR8")
      ->type_name("PEM");
  command.add_option("--image", options.image, "A signed image, for PCR8")->type_name("FILE");
  command.add_option("--release-manifest", options.manifest, "A release manifest, for PCR8")
      ->type_name("FILE");
  command.add_option("--pcr0", options.pcr0, "Admit these images only")->type_name("HEX");
  command.add_option("--pcr16", options.pcr16, "Admit these configurations only")->type_name("HEX");
  command.add_option("--pcr3", options.pcr3, "Admit parents with this role only")->type_name("HEX");
  command.add_flag("--pin-pcr0", options.pin_pcr0, "Also PCR0 of --image or --release-manifest");
  command.add_flag("--pin-pcr16", options.pin_pcr16, "Also PCR16 of --release-manifest");
}

Result<policy::PinnedPcrs> read_pins(const PinOptions& options) {
  policy::PinnedPcrs out;
  COFFERDAM_CHECK(pin_typed(options, out));
  if (!options.certificate.empty()) {
    COFFERDAM_TRY(const std::string pem, read_text_file(options.certificate, kMaxPemSize));
    COFFERDAM_TRY(const auto certificate, eif::SigningCertificate::from_pem(pem));
    COFFERDAM_CHECK(pin_signer(release::octets(certificate.pcr8), out));
  }
  if (!options.image.empty()) COFFERDAM_CHECK(pin_image(options, out));
  if (!options.manifest.empty()) COFFERDAM_CHECK(pin_manifest(options, out));
  if (options.pin_pcr0 && options.image.empty() && options.manifest.empty()) {
    return fail(Errc::invalid_input, "--pin-pcr0 needs --image or --release-manifest");
  }
  if (options.pin_pcr16 && options.manifest.empty()) {
    return fail(Errc::invalid_input, "--pin-pcr16 needs --release-manifest");
  }
  return out;
}

Exit print_policy(const Result<json::object>& made) {
  if (!made) {
    print_error(made.error());
    return exit_for(made.error());
  }
  std::cout << pretty_json(*made);
  return Exit::ok;
}

}  // namespace cofferdam::cli
