// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "attest/reason.h"
#include "attest/release_manifest.h"
#include "base/beneath.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/pcr_option.h"
#include "cli/release_history.h"
#include "cli/release_support.h"
#include "cli/signing_option.h"
#include "eif/reader.h"
#include "eif/signature.h"
#include "eif/verify.h"

namespace cofferdam::cli {
namespace {

using release::octets;

constexpr std::string_view kNext = "next";

constexpr const char* kFooter =
    R"(The manifest tells an enclave which measurements its own release has; the parent hands it
over at boot. It must be signed with the key that signed the image. PCR16 comes from the
configuration inside the image, or from --config or --pcr16.

Numbers only grow. With --previous or --history, `--release next` takes the one after the
last, and anything else must be greater. A history also keeps every manifest that was made.

Examples:
  $ cofferdam release create --image payments.eif --name payments --release next \
      --history releases.jsonl --not-after 2027-01-01T00:00:00Z \
      --signing-cert cert.pem --signing-key key.pem --output payments.release
  $ cofferdam release create --image payments.eif --name payments --release 8 \
      --previous payments-7.release ...)";

struct Options {
  std::string image;
  std::vector<std::string> pcrs;
  std::string name;
  std::string release;
  std::string previous;
  std::string history;
  std::string pcr16;
  std::string config;
  std::string not_after;
  SigningOptions signing;
  std::string output;
};

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// What the options say by themselves: name, release, time and typed registers.
Result<attest::ReleaseManifest> read_options(const Options& options) {
  attest::ReleaseManifest out;
  out.name = options.name;
  if (options.release != kNext) {
    const auto number = read_number(options.release);
    if (!number) {
      return fail(Errc::invalid_input, "--release: expected a number from 0 on, or `next`");
    }
    out.release = *number;
  } else if (options.previous.empty() && options.history.empty()) {
    return fail(Errc::invalid_input, "--release next: needs --previous or --history");
  }
  if (options.image.empty() && options.config.empty() && options.pcr16.empty()) {
    return fail(Errc::invalid_input, "without --image, PCR16 needs --config or --pcr16");
  }
  COFFERDAM_TRY(out.not_after, parse_rfc3339(options.not_after));
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
  if (!options.pcr16.empty()) {
    COFFERDAM_TRY(Bytes value, release::read_register("--pcr16", options.pcr16));
    out.pcrs.insert_or_assign(16, std::move(value));
  }
  return out;
}

// ---- the number

std::unexpected<Error> not_newer(const std::string& what, const attest::ReleaseManifest& last,
                                 std::uint64_t wanted) {
  return fail(Errc::denied, kReleaseNotNewer,
              what + " is release " + std::to_string(last.release) + " of " + last.name + ", and " +
                  std::to_string(wanted) + " is not above it");
}

// The number of the last release, which the same signer must have made for the same name.
Result<attest::ReleaseManifest> read_previous(const Options& options, const eif::Signer& signer) {
  COFFERDAM_TRY(const Bytes bytes, read_file(options.previous, attest::kMaxManifestSize));
  const auto stated = attest::parse_release_manifest(bytes);
  if (!stated) return wrap(options.previous, stated.error());
  attest::Pcrs pcrs = stated->manifest.pcrs;
  pcrs.insert_or_assign(8, octets(signer.certificate().pcr8));
  auto out = attest::verify_release_manifest(
      bytes, pcrs, {.name = options.name, .minimum_release = 0, .at = stated->manifest.not_after});
  if (!out) return wrap(options.previous, std::move(out).error());
  return out;
}

// What stands under the name of the output: nothing, or a manifest that is not above this one.
Status check_output(const Options& options, const attest::ReleaseManifest& manifest) {
  std::error_code ignored;
  if (!std::filesystem::exists(options.output, ignored)) return {};
  const auto bytes = read_file(options.output, attest::kMaxManifestSize);
  const auto there = bytes ? attest::parse_release_manifest(*bytes)
                           : Result<attest::UnverifiedManifest>(std::unexpected(bytes.error()));
  if (!there) {
    return fail(Errc::denied, "output_in_use",
                options.output + " exists and is no release manifest: it is not replaced");
  }
  const attest::ReleaseManifest& old = there->manifest;
  if (old.name != manifest.name) {
    return fail(Errc::denied, attest::reason::kNameMismatch,
                options.output + " holds a release of " + old.name + ": it is not replaced");
  }
  if (old.release > manifest.release) return not_newer(options.output, old, manifest.release);
  return {};
}

Status choose_number(const Options& options, const eif::Signer& signer,
                     const std::optional<ReleaseHistory>& history,
                     attest::ReleaseManifest& manifest) {
  std::optional<std::uint64_t> last;
  if (history) last = history->latest(options.name);
  const bool next = options.release == kNext;
  if (last && !next && manifest.release <= *last) {
    attest::ReleaseManifest newest;
    newest.name = options.name;
    newest.release = *last;
    return not_newer("the last one in " + options.history, newest, manifest.release);
  }
  if (!options.previous.empty()) {
    COFFERDAM_TRY(const attest::ReleaseManifest previous, read_previous(options, signer));
    if (!next && manifest.release <= previous.release) {
      return not_newer(options.previous, previous, manifest.release);
    }
    last = std::max(last, std::optional(previous.release));
  }
  if (next) manifest.release = last ? *last + 1 : 1;
  if (next && manifest.release == 0) return fail(Errc::invalid_input, "there is no greater number");
  return check_output(options, manifest);
}

// ---- the registers

// PCR16 of a configuration; refuses a manifest that an enclave so configured would refuse.
Status add_config(const agent::MeasuredConfig& measured, const eif::Signer& signer,
                  attest::ReleaseManifest& out) {
  const agent::Config& config = measured.config;
  if (config.name != out.name) {
    return fail(Errc::denied, attest::reason::kNameMismatch,
                "the configuration is of enclave " + config.name + ", not " + out.name);
  }
  if (out.release < config.minimum_release) {
    return fail(Errc::denied, attest::reason::kReleaseTooOld,
                "the configuration accepts releases from " +
                    std::to_string(config.minimum_release) + " on, not " +
                    std::to_string(out.release));
  }
  if (config.pcr8 != signer.certificate().pcr8) {
    return fail(Errc::denied, attest::reason::kPcrMismatch,
                "PCR8 of the configuration is not that of the signing certificate");
  }
  out.pcrs.insert_or_assign(16, octets(agent::expected_pcr16(measured.digest)));
  return {};
}

// A root folder with etc/cofferdam/agent.toml, or a folder that becomes etc/cofferdam, as
// `eif build --config` takes it.
Result<agent::MeasuredConfig> load_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "agent.toml", ignored)) return agent::load_config(folder);
  return agent::measure_config(
      [&folder](std::string_view path, std::size_t max_size) -> Result<Bytes> {
        constexpr std::string_view kPlace = "/etc/cofferdam";
        if (!path.starts_with(std::string(kPlace) + "/")) {
          return fail(Errc::not_found, std::string(path) + " is outside of " + std::string(kPlace) +
                                           ": give the image's root folder, or --image alone");
        }
        return read_file_beneath(folder, path.substr(kPlace.size()), max_size);
      });
}

// A configuration given beside an image must be the one inside, where that can be told.
Status check_same(const agent::MeasuredConfig& given, const eif::Image& image) {
  const auto inside = release::config_of_image(image);
  if (!inside || inside->digest == given.digest) return {};
  return fail(Errc::denied, attest::reason::kPcrMismatch,
              "--config is not the configuration inside the image: leave it out, or build the "
              "image again");
}

Status add_registers(const Options& options, const eif::Signer& signer,
                     const std::optional<eif::Image>& image, attest::ReleaseManifest& out) {
  out.pcrs.insert_or_assign(8, octets(signer.certificate().pcr8));
  if (image) {
    eif::ImageExpectations expected;
    expected.at = SystemClock().now();
    expected.certificate = signer.certificate();
    COFFERDAM_TRY(const eif::Measurements measured, eif::verify_image(*image, expected));
    out.pcrs.insert_or_assign(0, octets(measured.pcr0));
    out.pcrs.insert_or_assign(1, octets(measured.pcr1));
    out.pcrs.insert_or_assign(2, octets(measured.pcr2));
  }
  if (!options.pcr16.empty()) return {};
  if (image && options.config.empty()) {
    const auto inside = release::config_of_image(*image);
    if (!inside) return wrap("the configuration of the image", inside.error());
    return add_config(*inside, signer, out);
  }
  COFFERDAM_TRY(const agent::MeasuredConfig given, load_folder(options.config));
  if (image) COFFERDAM_CHECK(check_same(given, *image));
  return add_config(given, signer, out);
}

// ---- the steps

// Everything happens under the lock: two runs cannot take the same number. The history has
// the manifest before anybody else does.
Result<attest::ReleaseManifest> make(const Options& options, attest::ReleaseManifest manifest) {
  COFFERDAM_TRY(const eif::Signer signer, load_signer(options.signing));
  std::optional<eif::Image> image;
  if (!options.image.empty()) {
    COFFERDAM_TRY(image, eif::Image::open(options.image));
  }
  std::optional<ReleaseHistory> history;
  UniqueFd lock;
  if (!options.history.empty()) {
    COFFERDAM_TRY(history, ReleaseHistory::open(options.history));
  } else {
    COFFERDAM_TRY(lock, lock_folder(folder_of(options.output)));
  }
  COFFERDAM_CHECK(choose_number(options, signer, history, manifest));
  COFFERDAM_CHECK(add_registers(options, signer, image, manifest));
  COFFERDAM_TRY(const Bytes bytes,
                attest::sign_release_manifest(manifest, signer.certificate().der, signer.key()));
  if (history) COFFERDAM_CHECK(history->append(bytes));
  if (const Status written = write_file_atomic(options.output, bytes); !written) {
    if (!history) return std::unexpected(written.error());
    return wrap("release " + std::to_string(manifest.release) +
                    " is taken and kept in the history, but its file is not written",
                written.error());
  }
  return manifest;
}

std::string_view hint_for(const Error& error) {
  if (error.reason == kReleaseNotNewer) return "--release next takes the number after the last";
  if (error.reason == attest::reason::kReleaseTooOld) {
    return "a first release may have any number: give it with --release";
  }
  if (error.reason.empty() && error.detail.starts_with("the configuration of the image")) {
    return "give --config DIR (the image's root, or its /etc/cofferdam) or --pcr16 HEX";
  }
  return {};
}

Exit create(const Options& options) {
  auto manifest = read_options(options);
  if (!manifest) return release::usage_error(manifest.error(), "create");
  const auto made = make(options, *std::move(manifest));
  if (!made) {
    print_error(made.error(), hint_for(made.error()));
    return exit_for(made.error());
  }
  json::object out = release::describe(*made);
  out["output"] = options.output;
  std::cout << pretty_json(out);
  return Exit::ok;
}

}  // namespace

void add_release_create(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("create", "State and sign the measurements of a release");
  auto options = std::make_shared<Options>();
  auto* const what = command->add_option_group("image", "Where PCR0, PCR1 and PCR2 come from");
  what->add_option("--image", options->image, "A signed image");
  what->add_option("--pcr", options->pcrs, "N=HEX; once for each of 0, 1 and 2")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  what->require_option(1);
  auto* const config =
      command->add_option_group("config", "Where PCR16 comes from, if not from the image");
  config->add_option("--pcr16", options->pcr16, "Its value, hex");
  config->add_option("--config", options->config,
                     "The image's root folder with etc/cofferdam/agent.toml, or the folder that "
                     "becomes /etc/cofferdam");
  config->require_option(0, 1);
  command->add_option("--name", options->name, "Name of the enclave")->required();
  command->add_option("--release", options->release, "Release number, or `next`")->required();
  command->add_option("--previous", options->previous,
                      "The manifest of the last release, of the same name and signer");
  command->add_option("--history", options->history,
                      "Keep every release in this file (JSON lines); made where it is missing");
  command->add_option("--not-after", options->not_after, "End of its validity, RFC 3339")
      ->required();
  add_signing_options(*command, options->signing, /*required=*/true);
  command->add_option("--output", options->output, "The manifest")->required();
  command->footer(kFooter);
  command->callback([options, &exit] { exit = create(*options); });
}

}  // namespace cofferdam::cli
