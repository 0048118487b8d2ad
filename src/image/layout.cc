// SPDX-License-Identifier: Apache-2.0
#include "image/layout.h"

#include <array>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/byte_view.h"
#include "base/printable.h"
#include "bytes/cpio.h"
#include "eif/section_source.h"
#include "image/reason.h"
#include "image/rootfs.h"

namespace cofferdam::image {
namespace {

// Of our own files in the tree; those of `agent` are absolute.
constexpr std::string_view kConfigFolder = "etc/cofferdam/";
constexpr std::string_view kAgentToml = "agent.toml";
constexpr std::string_view kProcessJson = "process.json";
constexpr std::size_t kMaxConfigSize = std::size_t{16} << 20;  // Of all files together.
constexpr std::string_view kFileCapability = "security.capability";

// What the agent makes and mounts over, so no file may be there. Of the last two it leaves
// a symbolic link alone.
struct MountPoint {
  std::string_view path;
  bool may_be_link = false;
};
constexpr std::array kMountPoints{MountPoint{"dev"}, MountPoint{"proc"}, MountPoint{"sys"},
                                  MountPoint{"run", true}, MountPoint{"tmp", true}};

std::unexpected<Error> refuse(const char* why, std::string_view path, std::string_view what) {
  return fail(Errc::invalid_input, why, "/" + printable(path) + ": " + std::string(what));
}

std::string in_config(std::string_view path) { return std::string(kConfigFolder).append(path); }

// One file of this machine, open from now on.
class WholeFile final : public ContentSource {
 public:
  explicit WholeFile(eif::FileSource file)
      : file_(std::make_unique<eif::FileSource>(std::move(file))) {}
  Status read(std::uint64_t /*key*/, std::uint64_t /*size*/, const ByteSink& sink) const override {
    return file_->write_to(sink);
  }

 private:
  std::unique_ptr<eif::FileSource> file_;
};

Status put_file(FileTree& tree, std::string_view path, const std::filesystem::path& source) {
  COFFERDAM_TRY(eif::FileSource file, eif::FileSource::open(source));
  const std::uint64_t size = file.size();
  const ContentSource* const content = tree.adopt(std::make_unique<WholeFile>(std::move(file)));
  return tree.put(path, {.mode = cpio::kRegularFile | 0755,
                         .content = {.source = content, .key = 0, .size = size}});
}

Status put_bytes(FileTree& tree, std::string_view path, ByteView bytes) {
  auto memory = std::make_unique<MemoryContent>();
  const std::uint64_t key = memory->add(Bytes(bytes.begin(), bytes.end()));
  const ContentSource* const source = tree.adopt(std::move(memory));
  return tree.put(path, {.mode = cpio::kRegularFile | 0644,
                         .content = {.source = source, .key = key, .size = bytes.size()}});
}

// The files of /etc/cofferdam by their paths in there; nothing for a folder.
using ConfigFiles = std::map<std::string, std::optional<Bytes>, std::less<>>;

// What `tree` has below `folder`, which is "" or ends with '/'.
Result<ConfigFiles> config_files(const FileTree& tree, std::string_view folder) {
  ConfigFiles out;
  std::size_t size = 0;
  for (const FileTree::Entry& entry : tree.entries()) {
    if (!entry.path.starts_with(folder)) continue;
    std::optional<Bytes>& content = out[std::string(entry.path.substr(folder.size()))];
    if (entry.node->type() == cpio::kDirectory) continue;
    if (entry.node->type() != cpio::kRegularFile) {
      return refuse(reason::kUnsupported, in_config(entry.path.substr(folder.size())),
                    "neither a file nor a folder; the agent follows no links");
    }
    size += static_cast<std::size_t>(entry.node->content.size);
    if (size > kMaxConfigSize) {
      return refuse(reason::kTooLarge, kConfigFolder,
                    "more than 16 MiB of configuration; put data into the container");
    }
    COFFERDAM_TRY(content, tree.read(*entry.node, kMaxConfigSize));
  }
  return out;
}

// Takes the configuration from where it is: the folder given, or the container.
Result<ConfigFiles> take_config(ApplicationParts& parts, std::vector<std::string>& notes) {
  const bool container_has_one = parts.rootfs.find(in_config(kAgentToml)) != nullptr;
  ConfigFiles out;
  if (parts.config) {
    COFFERDAM_TRY(const FileTree folder, read_rootfs(*parts.config, Owner{}));
    COFFERDAM_TRY(out, config_files(folder, ""));
    if (container_has_one) {
      notes.emplace_back("the container's own /etc/cofferdam is not used: --config is");
    }
  } else if (container_has_one) {
    COFFERDAM_TRY(out, config_files(parts.rootfs, kConfigFolder));
    COFFERDAM_CHECK(parts.rootfs.remove(kConfigFolder.substr(0, kConfigFolder.size() - 1)));
  }
  if (parts.needs_config && !out.contains(kAgentToml)) {
    return fail(Errc::invalid_input, reason::kNoConfig,
                parts.config ? parts.config->string() + " holds no agent.toml"
                             : "no agent.toml: the agent does not start without one");
  }
  if (out.contains(kProcessJson)) {
    return refuse(reason::kConflict, in_config(kProcessJson),
                  "in the place of the file that the builder writes");
  }
  return out;
}

Status check_mount_points(const FileTree& rootfs) {
  for (const MountPoint& point : kMountPoints) {
    const Node* const there = rootfs.find(point.path);
    if (there == nullptr || there->type() == cpio::kDirectory) continue;
    if (point.may_be_link && there->type() == cpio::kSymlink) continue;
    return refuse(reason::kConflict, point.path, "not a folder, but the agent mounts over it");
  }
  return {};
}

// File capabilities, which do not fit into a ramdisk; the agent sets them. What else there
// is has no meaning outside the machine it was made on.
void take_attributes(const FileTree& rootfs, agent::ProcessSpec& process,
                     std::vector<std::string>& notes) {
  std::set<FileTree::InodeId> seen;
  std::size_t dropped = 0;
  for (const FileTree::Entry& entry : rootfs.entries()) {
    if (entry.node->xattrs.empty() || !seen.insert(entry.inode).second) continue;
    for (const auto& [name, value] : entry.node->xattrs) {
      if (name == kFileCapability && entry.node->type() == cpio::kRegularFile) {
        process.attributes.push_back(
            {.path = "/" + std::string(entry.path), .name = name, .value = value});
      } else {
        ++dropped;
      }
    }
  }
  if (dropped > 0) {
    notes.push_back(std::to_string(dropped) +
                    " extended attributes are left out: only file capabilities are kept");
  }
}

// Writes process.json, which must read back as it was meant.
Status put_process(FileTree& tree, const agent::ProcessSpec& process) {
  const std::string text = agent::to_json(process);
  COFFERDAM_TRY(const agent::ProcessSpec again, agent::parse_process_spec(text));
  if (again != process) return fail(Errc::internal, "process.json does not read back");
  return put_bytes(tree, in_config(kProcessJson), as_bytes(text));
}

// As the agent reads it in the enclave, where this tree is "/".
Result<agent::MeasuredConfig> measure(const FileTree& tree) {
  return agent::measure_config(
      [&tree](std::string_view path, std::size_t max_size) -> Result<Bytes> {
        const Node* const node = tree.find(path.substr(path.starts_with('/') ? 1 : 0));
        if (node == nullptr) {
          return fail(Errc::invalid_input,
                      std::string(path) +
                          " is not in the image; files that "
                          "agent.toml names belong into /etc/cofferdam, which is --config");
        }
        return tree.read(*node, max_size);
      });
}

}  // namespace

Result<FileTree> make_boot_tree(const std::filesystem::path& init,
                                const std::optional<std::filesystem::path>& nsm_module) {
  FileTree out;
  COFFERDAM_CHECK(out.put("dev", {.mode = cpio::kDirectory | 0755}));
  COFFERDAM_CHECK(put_file(out, "init", init));
  if (nsm_module) COFFERDAM_CHECK(put_file(out, "nsm.ko", *nsm_module));
  return out;
}

Result<Application> make_application(ApplicationParts parts) {
  Application out;
  COFFERDAM_TRY(const ConfigFiles files, take_config(parts, out.notes));
  COFFERDAM_CHECK(check_mount_points(parts.rootfs));
  take_attributes(parts.rootfs, parts.process, out.notes);
  parts.process.root = "/" + std::string(kRootfs);

  out.tree = std::move(parts.rootfs);
  COFFERDAM_CHECK(out.tree.nest(kRootfs));
  for (const auto& [path, content] : files) {
    COFFERDAM_CHECK(content ? put_bytes(out.tree, in_config(path), *content)
                            : out.tree.put(in_config(path), {.mode = cpio::kDirectory | 0755}));
  }
  COFFERDAM_CHECK(put_process(out.tree, parts.process));
  if (files.contains(kAgentToml)) {
    COFFERDAM_TRY(out.config, measure(out.tree));
  }
  if (parts.process.args.empty() && !(out.config && !out.config->config.command.empty())) {
    return fail(Errc::invalid_input, reason::kNoCommand,
                "nothing to run: neither ENTRYPOINT nor CMD, and no [workload] command");
  }
  return out;
}

}  // namespace cofferdam::image
