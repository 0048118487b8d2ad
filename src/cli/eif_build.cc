// SPDX-License-Identifier: Apache-2.0
#include "cli/eif_build.h"

#include <sys/utsname.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/time.h"
#include "cli/eif_commands.h"
#include "eif/report.h"
#include "image/reason.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxConfigSize = std::size_t{4} << 20;
constexpr std::int64_t kMaxEpoch = 4294967295;  // Files in a ramdisk have 32 bits of time.

// nitro-cli's, which its kernels were tried with.
constexpr std::string_view kCmdlineX86 =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp "
    "i8042.dumbkbd random.trust_cpu=on";
constexpr std::string_view kCmdlineArm =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0";

constexpr const char* kFooter =
    R"(Exactly one of --oci, --rootfs and --ramdisk. The same inputs give the same bytes, except
for a signature, on any machine. docs/images.md has the layout and every refusal.

Examples:
  $ docker save payments:7 -o payments.tar
  $ cofferdam eif build --oci payments.tar --config etc --blobs /usr/share/nitro_enclaves/blobs \
      --signing-cert cert.pem --signing-key key.pem --output payments.eif
  $ cofferdam eif build --rootfs rootfs --owner 0:0 --config etc --kernel bzImage \
      --env MODE=production --output payments.eif -- /usr/bin/payments --port 5000
  $ cofferdam eif build --kernel bzImage --ramdisk boot.cpio --ramdisk app.cpio \
      --output payments.eif)";

// ---- What was not given

std::string in_blobs(const BuildOptions& options, std::string_view name) {
  if (options.blobs.empty()) return {};
  std::error_code error;
  const std::filesystem::path path = std::filesystem::path(options.blobs) / name;
  return std::filesystem::exists(path, error) ? path.string() : std::string();
}

// AWS's init knows AWS's layout only.
void complete_boot_files(BuildOptions& options) {
  if (!options.from_container()) return;
  if (options.nsm_module.empty()) options.nsm_module = in_blobs(options, "nsm.ko");
  if (options.init.empty() && options.compat == Compat::aws) {
    options.init = in_blobs(options, "init");
  }
}

Status complete_kernel(BuildOptions& options, eif::Arch arch) {
  const bool arm = arch == eif::Arch::aarch64;
  const std::string name = arm ? "Image" : "bzImage";
  if (options.kernel.empty()) {
    options.kernel = in_blobs(options, name);
    if (options.kernel_config.empty()) options.kernel_config = in_blobs(options, name + ".config");
  }
  if (options.kernel.empty()) {
    return fail(Errc::not_found, "there is no " + name + " in " + options.blobs);
  }
  if (!options.cmdline.empty()) return {};
  const std::string file = in_blobs(options, "cmdline");
  if (file.empty()) {
    options.cmdline = arm ? kCmdlineArm : kCmdlineX86;
    return {};
  }
  COFFERDAM_TRY(options.cmdline, read_text_file(file, eif::kMaxCmdlineSize));
  constexpr const char* kSpace = " \t\r\n";
  options.cmdline.erase(options.cmdline.find_last_not_of(kSpace) + 1);
  options.cmdline.erase(0, options.cmdline.find_first_not_of(kSpace));
  return {};
}

// ---- Metadata

Status add_kernel_identity(const std::string& file, eif::BuildInfo& info) {
  COFFERDAM_TRY(const std::string text, read_text_file(file, kMaxConfigSize));
  const auto identity = eif::kernel_identity(text);
  if (!identity) {
    return fail(Errc::invalid_input, file +
                                         ": expected a line \"# Linux/ARCH VERSION Kernel "
                                         "Configuration\" near the top");
  }
  info.operating_system = identity->operating_system;
  info.kernel_version = identity->version;
  return {};
}

void add_host_facts(eif::BuildInfo& info) {
  info.build_time = SystemClock().now();
  utsname host{};
  if (uname(&host) != 0) return;
  info.custom.insert_or_assign(
      "BuildHost",
      json::object{{"System", host.sysname}, {"Release", host.release}, {"Machine", host.machine}});
}

Result<std::string> metadata_for(const BuildOptions& options) {
  eif::BuildInfo info = options.info;
  info.build_time = Timestamp(std::chrono::seconds(options.epoch.value_or(0)));
  if (!options.kernel_config.empty()) {
    COFFERDAM_CHECK(add_kernel_identity(options.kernel_config, info));
  }
  if (!options.custom_metadata.empty()) {
    COFFERDAM_TRY(const std::string text,
                  read_text_file(options.custom_metadata, eif::kMaxCustomMetadataSize));
    COFFERDAM_TRY(info.custom, eif::parse_custom_metadata(text));
  }
  if (options.host_facts) add_host_facts(info);
  return eif::make_metadata(info);
}

// ---- The image

struct Built {
  eif::Measurements measurements;
  std::optional<crypto::Sha384> pcr16;
};

Result<BuiltRamdisks> open_ramdisks(const BuildOptions& options) {
  if (options.from_container()) return build_ramdisks(options);
  BuiltRamdisks out;
  const std::vector<std::filesystem::path> paths(options.ramdisks.begin(), options.ramdisks.end());
  COFFERDAM_TRY(out.ramdisks, eif::open_files(paths));
  out.arch = eif::arch_from_name(options.arch).value_or(eif::Arch::x86_64);
  return out;
}

Result<Built> build(BuildOptions options) {
  std::optional<eif::Signer> signer;
  if (options.signing.given()) {
    COFFERDAM_TRY(signer, load_signer(options.signing));
  }
  complete_boot_files(options);
  COFFERDAM_TRY(BuiltRamdisks made, open_ramdisks(options));
  COFFERDAM_CHECK(complete_kernel(options, made.arch));
  if (options.info.image_name.empty()) options.info.image_name = made.image_name;
  if (options.info.image_version.empty()) options.info.image_version = made.image_version;
  for (const std::string& note : made.notes) std::cerr << "cofferdam: warning: " << note << '\n';

  std::uint64_t size = 0;
  for (const auto& ramdisk : made.ramdisks) size += ramdisk->size();
  Progress progress("writing " + std::filesystem::path(options.output).filename().string(), size);
  eif::BuildSpec spec;
  spec.kernel = options.kernel;
  spec.cmdline = options.cmdline;
  spec.ramdisks = std::move(made.ramdisks);
  COFFERDAM_TRY(spec.metadata, metadata_for(options));
  spec.arch = made.arch;
  spec.signer = signer ? &*signer : nullptr;
  spec.progress = [&progress](std::uint64_t bytes) { progress.update(bytes); };
  Built out{.measurements = {}, .pcr16 = made.pcr16};
  COFFERDAM_TRY(out.measurements, eif::build_image(std::move(spec), options.output));
  return out;
}

// ---- What was typed

// Nothing, or what is wrong with it.
std::string misuse(const BuildOptions& options) {
  const int inputs = (options.oci.empty() ? 0 : 1) + (options.rootfs.empty() ? 0 : 1) +
                     (options.ramdisks.empty() ? 0 : 1);
  if (inputs != 1) return "give one of --oci, --rootfs and --ramdisk";
  if (options.kernel.empty() && options.blobs.empty()) return "give --kernel, or --blobs";
  if (!options.command.empty() && !options.from_container()) {
    return "a command goes with --oci or --rootfs; a ramdisk starts its own init";
  }
  if (options.compat == Compat::none) return {};
  if (!options.config.empty() || !options.workdir.empty() || !options.user.empty()) {
    return "--compat aws: AWS's init knows no --config, --workdir or --user";
  }
  if (options.init.empty() && options.blobs.empty()) {
    return "--compat aws needs AWS's init: give --blobs, or --init";
  }
  return {};
}

std::string_view hint_for(const Error& error) {
  namespace reason = image::reason;
  using Hint = std::pair<std::string_view, std::string_view>;
  constexpr std::array kHints{
      Hint{reason::kUnknownUser, "give --user UID[:GID] in numbers"},
      Hint{reason::kNoCommand, "give a command after --, or --entrypoint"},
      Hint{reason::kNoConfig,
           "give --config DIR with agent.toml in it, --init F for an init of your own, or "
           "--compat aws"},
      Hint{reason::kNoSuchPlatform, "give --arch as the image has it"},
      Hint{reason::kAmbiguous, "give --reference NAME:TAG, or --arch"},
      Hint{reason::kNoSuchImage, "give --reference as the archive has it"},
  };
  for (const auto& [why, hint] : kHints) {
    if (error.reason == why) return hint;
  }
  return {};
}

Exit run(const BuildOptions& options) {
  if (const std::string wrong = misuse(options); !wrong.empty()) {
    print_error({.code = Errc::invalid_input, .detail = wrong, .reason = {}},
                "see cofferdam eif build --help");
    return Exit::usage;
  }
  const auto built = build(options);
  if (!built) {
    print_error(built.error(), hint_for(built.error()));
    return exit_for(built.error());
  }
  json::object measurements = eif::measurements_json(built->measurements);
  if (const auto& pcr16 = built->pcr16; options.print_pcr16 && pcr16) {
    measurements["PCR16"] = to_hex(*pcr16);
  }
  std::cout << pretty_json(json::object{{"Measurements", std::move(measurements)}});
  return Exit::ok;
}

// The options, in the groups that --help shows.
class Group {
 public:
  Group(CLI::App& command, std::string name) : command_(&command), name_(std::move(name)) {}

  template <typename Value>
  CLI::Option* add(const char* name, Value& value, const char* type, const char* what) {
    return command_->add_option(name, value, what)->type_name(type)->group(name_);
  }
  template <typename Value>
  CLI::Option* add_repeated(const char* name, Value& value, const char* type, const char* what) {
    return add(name, value, type, what)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  void add_flag(const char* name, bool& value, const char* what) {
    command_->add_flag(name, value, what)->group(name_);
  }

 private:
  CLI::App* command_;
  std::string name_;
};

void add_inputs(CLI::App& command, BuildOptions& options) {
  Group group(command, "What goes in");
  auto* const oci =
      group.add("--oci", options.oci, "PATH", "Container: an OCI layout or `docker save` tar");
  group.add("--reference", options.reference, "NAME", "Which image, if there are several")
      ->needs(oci);
  group.add("--spool", options.spool, "DIR", "For unpacked layers; else where the image goes")
      ->needs(oci);
  auto* const rootfs = group.add("--rootfs", options.rootfs, "DIR", "The same from a folder");
  group.add("--owner", options.owner, "UID:GID", "Whose its files are; else as they are")
      ->needs(rootfs)
      ->check([](const std::string& text) {
        const auto owner = parse_owner(text);
        return owner ? std::string() : owner.error().detail;
      });
  group.add_repeated("--ramdisk", options.ramdisks, "FILE", "A ramdisk as it is; repeat in order");
}

void add_start(CLI::App& command, BuildOptions& options) {
  Group group(command, "How the workload starts (else as the container says)");
  group.add("--entrypoint", options.entrypoint, "PROGRAM", "Instead of ENTRYPOINT and CMD");
  // At least one: CLI11 hands "--" back to the parent command where none is wanted any more.
  group.add("COMMAND", options.command, "ARG", "Instead of CMD, after --")
      ->expected(1, CLI::detail::expected_max_vector_size);
  group.add_repeated("--env", options.env, "K=V", "One more variable, or another value")
      ->check([](const std::string& text) {
        const std::size_t equals = text.find('=');
        const bool named = equals != 0 && equals != std::string::npos;
        return named ? std::string() : "expected NAME=value";
      });
  group.add("--workdir", options.workdir, "DIR", "Instead of WORKDIR");
  group.add("--user", options.user, "USER[:GROUP]", "Instead of USER; names are the image's");
  group.add("--stop-signal", options.stop_signal, "SIGNAL", "Instead of STOPSIGNAL");
}

void add_surroundings(CLI::App& command, BuildOptions& options) {
  Group group(command, "What is around it");
  group.add("--config", options.config, "DIR", "Becomes /etc/cofferdam: agent.toml and its files");
  group.add("--kernel", options.kernel, "FILE", "bzImage, or Image on aarch64");
  group.add("--kernel-config", options.kernel_config, "FILE", "Its .config, for the metadata");
  group.add("--cmdline", options.cmdline, "TEXT", "Kernel command line; else nitro-cli's");
  group.add("--init", options.init, "FILE", "Instead of cofferdam-agent");
  group.add("--nsm-module", options.nsm_module, "FILE", "nsm.ko, for kernels before 6.8");
  group.add("--blobs", options.blobs, "DIR", "nitro-cli's blobs, for what is not given above");
  group.add("--arch", options.arch, "ARCH", "x86_64 or aarch64; else the container's, or x86_64")
      ->check(CLI::IsMember({"x86_64", "aarch64"}).description(""));
  group.add("--compat", options.compat, "aws", "Ramdisks as nitro-cli makes them, for its PCRs")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Compat>{{"aws", Compat::aws}})
                      .description(""));
}

void add_metadata(CLI::App& command, BuildOptions& options) {
  Group group(command, "Metadata and output");
  group.add("--name", options.info.image_name, "NAME", "Else the container's");
  group.add("--image-version", options.info.image_version, "TEXT", "Else the container's id");
  group.add("--metadata", options.custom_metadata, "FILE", "A JSON object of your own, 4 KiB");
  group.add_flag("--host-facts", options.host_facts, "Name this machine and the time of build");
  group.add("--source-date-epoch", options.epoch, "SECONDS", "The time of everything; else 0")
      ->check(CLI::Range(std::int64_t{0}, kMaxEpoch).description(""))
      ->envname("SOURCE_DATE_EPOCH");
  group.add_flag("--pcr16", options.print_pcr16, "Print also what PCR16 will be");
  group.add("--output", options.output, "FILE", "The image")->required();
}

}  // namespace

void add_eif_build(CLI::App& eif, Exit& exit) {
  CLI::App* const command = eif.add_subcommand(
      "build", "Make an image of a container, a folder or ramdisks, and measure it");
  auto options = std::make_shared<BuildOptions>();
  add_inputs(*command, *options);
  add_start(*command, *options);
  add_surroundings(*command, *options);
  add_metadata(*command, *options);
  add_signing_options(*command, options->signing, /*required=*/false);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run(*options); });
}

}  // namespace cofferdam::cli
