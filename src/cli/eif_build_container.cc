// SPDX-License-Identifier: Apache-2.0
// From --oci or --rootfs to ramdisks, in our own layout or AWS's.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "base/child.h"
#include "base/progress.h"
#include "cli/eif_build.h"
#include "image/aws_compat.h"
#include "image/container.h"
#include "image/layout.h"
#include "image/process.h"
#include "image/ramdisk.h"
#include "image/reason.h"
#include "image/rootfs.h"

namespace cofferdam::cli {
namespace {

// A ramdisk with the tree it is written from.
class TreeSection final : public eif::SectionSource {
 public:
  static Result<std::unique_ptr<eif::SectionSource>> make(image::FileTree tree,
                                                          const image::RamdiskOptions& options) {
    auto owned = std::make_unique<image::FileTree>(std::move(tree));
    COFFERDAM_TRY(image::TreeRamdisk ramdisk, image::TreeRamdisk::make(*owned, options));
    return std::make_unique<TreeSection>(std::move(owned), std::move(ramdisk));
  }
  TreeSection(std::unique_ptr<image::FileTree> tree, image::TreeRamdisk ramdisk)
      : tree_(std::move(tree)), ramdisk_(std::move(ramdisk)) {}

  std::uint64_t size() const override { return ramdisk_.size(); }
  Status write_to(const ByteSink& sink) override { return ramdisk_.write_to(sink); }

 private:
  std::unique_ptr<image::FileTree> tree_;
  image::TreeRamdisk ramdisk_;
};

// "registry/payments" of "registry/payments:7" and of "registry/payments@sha256:...".
std::string name_of(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  const std::size_t slash = reference.rfind('/');
  const std::size_t colon = reference.find(':', slash == std::string_view::npos ? 0 : slash);
  return std::string(reference.substr(0, colon));
}

Result<image::ContainerImage> read_oci(const BuildOptions& options) {
  Progress progress("reading " + std::filesystem::path(options.oci).filename().string(), 0);
  image::ContainerSelection selection;
  selection.reference = options.reference;
  selection.spool = options.spool;
  if (selection.spool.empty()) {
    selection.spool = std::filesystem::absolute(options.output).parent_path();
  }
  if (!options.arch.empty()) selection.arch = eif::arch_from_name(options.arch);
  selection.progress = [&progress](std::uint64_t bytes) { progress.update(bytes); };
  return image::read_container(options.oci, selection);
}

Result<image::ContainerImage> read_source(const BuildOptions& options,
                                          std::vector<std::string>& notes) {
  if (!options.oci.empty()) return read_oci(options);
  std::optional<image::Owner> owner;
  if (!options.owner.empty()) {
    COFFERDAM_TRY(owner, parse_owner(options.owner));
  }
  image::ContainerImage out;
  COFFERDAM_TRY(out.tree, image::read_rootfs(options.rootfs, owner, {}, [&notes](auto what) {
                  notes.push_back("left out: " + std::string(what));
                }));
  out.arch = eif::arch_from_name(options.arch).value_or(eif::Arch::x86_64);
  return out;
}

std::optional<std::uint32_t> file_time(const BuildOptions& options) {
  if (!options.epoch) return std::nullopt;
  return static_cast<std::uint32_t>(*options.epoch);
}

Result<std::filesystem::path> find_init(const BuildOptions& options) {
  if (!options.init.empty()) return options.init;
  return find_program("cofferdam-agent");
}

std::optional<std::filesystem::path> optional_path(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

Status add_boot(const BuildOptions& options, std::uint32_t mtime, BuiltRamdisks& out) {
  COFFERDAM_TRY(const std::filesystem::path init, find_init(options));
  COFFERDAM_TRY(image::FileTree tree,
                image::make_boot_tree(init, optional_path(options.nsm_module)));
  COFFERDAM_TRY(auto ramdisk, TreeSection::make(std::move(tree), {.mtime = mtime}));
  out.ramdisks.push_back(std::move(ramdisk));
  return {};
}

image::ProcessOverrides overrides_of(const BuildOptions& options) {
  image::ProcessOverrides out;
  if (!options.entrypoint.empty()) out.entrypoint = {options.entrypoint};
  if (!options.command.empty()) out.cmd = options.command;
  out.env = options.env;
  if (!options.workdir.empty()) out.working_dir = options.workdir;
  if (!options.user.empty()) out.user = options.user;
  if (!options.stop_signal.empty()) out.stop_signal = options.stop_signal;
  return out;
}

Status add_our_ramdisks(const BuildOptions& options, image::ContainerImage container,
                        BuiltRamdisks& out) {
  COFFERDAM_TRY(agent::ProcessSpec process,
                image::make_process(container.config, overrides_of(options), container.tree));
  COFFERDAM_TRY(image::Application application,
                image::make_application({.rootfs = std::move(container.tree),
                                         .process = std::move(process),
                                         .config = optional_path(options.config),
                                         .needs_config = options.init.empty()}));
  const std::uint32_t mtime = file_time(options).value_or(0);
  COFFERDAM_CHECK(add_boot(options, mtime, out));
  COFFERDAM_TRY(auto ramdisk, TreeSection::make(std::move(application.tree), {.mtime = mtime}));
  out.ramdisks.push_back(std::move(ramdisk));
  if (application.config) out.pcr16 = agent::expected_pcr16(application.config->digest);
  std::ranges::move(application.notes, std::back_inserter(out.notes));
  return {};
}

// What AWS's init does otherwise than the container asks.
void note_differences(const image::ContainerConfig& config, bool chosen,
                      std::vector<std::string>& notes) {
  if (!chosen && config.entrypoint && !config.entrypoint->empty() && config.cmd &&
      !config.cmd->empty()) {
    notes.emplace_back(
        "the container has ENTRYPOINT and CMD: as in nitro-cli, CMD alone is run and ENTRYPOINT "
        "is NOT; give --entrypoint to choose");
  }
  if (!config.user.empty() || !config.working_dir.empty()) {
    notes.emplace_back("AWS's init ignores USER and WORKDIR: the workload runs as root in /");
  }
}

Result<std::vector<std::string>> aws_cmd(const BuildOptions& options,
                                         const image::ContainerConfig& config) {
  std::vector<std::string> out;
  if (!options.entrypoint.empty()) out.push_back(options.entrypoint);
  out.insert(out.end(), options.command.begin(), options.command.end());
  const std::vector<std::string>* const own = image::aws_command(config);
  if (out.empty() && own != nullptr) out = *own;
  if (out.empty()) {
    return fail(Errc::invalid_input, image::reason::kNoCommand,
                "nothing to run: the container has neither ENTRYPOINT nor CMD");
  }
  return out;
}

Status add_aws_ramdisks(const BuildOptions& options, image::ContainerImage container,
                        BuiltRamdisks& out) {
  COFFERDAM_CHECK(add_boot(options, image::kLinuxkitTime, out));
  image::AwsApplicationParts parts;
  COFFERDAM_TRY(parts.cmd, aws_cmd(options, container.config));
  parts.env = image::merge_env(container.config.env, options.env);
  parts.mtime = file_time(options);
  note_differences(container.config, !options.entrypoint.empty() || !options.command.empty(),
                   out.notes);
  COFFERDAM_TRY(auto ramdisk, image::AwsApplicationRamdisk::make(std::move(container.tree), parts));
  if (const std::size_t lost = ramdisk.lost_attributes(); lost > 0) {
    out.notes.push_back(std::to_string(lost) +
                        " files lose their capabilities, which AWS's layout cannot hold");
  }
  out.ramdisks.push_back(std::make_unique<image::AwsApplicationRamdisk>(std::move(ramdisk)));
  return {};
}

}  // namespace

Result<image::Owner> parse_owner(std::string_view text) {
  const auto number = [](std::string_view digits, std::uint32_t& out) {
    const char* const begin = digits.data();
    const char* const end = begin + digits.size();
    const auto [stop, error] = std::from_chars(begin, end, out);
    return error == std::errc() && stop == end && out != std::numeric_limits<std::uint32_t>::max();
  };
  image::Owner out;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !number(text.substr(0, colon), out.uid) ||
      !number(text.substr(colon + 1), out.gid)) {
    return fail(Errc::invalid_input, "expected UID:GID, two numbers, such as 0:0");
  }
  return out;
}

Result<BuiltRamdisks> build_ramdisks(const BuildOptions& options) {
  BuiltRamdisks out;
  COFFERDAM_TRY(image::ContainerImage container, read_source(options, out.notes));
  out.arch = container.arch;
  out.image_name = name_of(container.reference);
  out.image_version = container.config_digest;
  COFFERDAM_CHECK(options.compat == Compat::aws
                      ? add_aws_ramdisks(options, std::move(container), out)
                      : add_our_ramdisks(options, std::move(container), out));
  return out;
}

}  // namespace cofferdam::cli
