// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eif/section_source.h"
#include "image/container.h"
#include "image/tree.h"

// The ramdisks as nitro-cli 1.5 has them made (`docker create`, `docker export`, linuxkit
// v1.5.2 with AWS's patches), so that an image built here has the PCRs of one built there.
// Sources: aws-nitro-enclaves-cli enclave_build, linuxkit moby/build and initrd, moby
// daemon/initlayer; the rules in words: docs/images.md.
//
// The boot ramdisk is make_boot_tree() (image/layout.h) with every time at kLinuxkitTime.
namespace cofferdam::image {

inline constexpr std::uint32_t kLinuxkitTime = 1492533000;  // 2017-04-18T16:30:00Z

// What nitro-cli runs: CMD alone where there is one, ENTRYPOINT only without it. nullptr: the
// image has neither.
const std::vector<std::string>* aws_command(const ContainerConfig& config);

struct AwsApplicationParts {
  std::vector<std::string> cmd;  // One line each: AWS's init reads them so.
  std::vector<std::string> env = {};
  std::optional<std::uint32_t> mtime = {};  // Of what comes from the image; else its own.
};

// The application ramdisk of nitro-cli, written while the image is.
class AwsApplicationRamdisk final : public eif::SectionSource {
 public:
  // Errc::invalid_input for an argument or a variable with a newline (`unsupported`), and
  // for what cpio cannot hold: a file of 4 GiB, a time before 1970 or after 2106.
  static Result<AwsApplicationRamdisk> make(FileTree rootfs, const AwsApplicationParts& parts);

  std::uint64_t size() const override { return size_; }
  Status write_to(const ByteSink& sink) override;

  // Entries whose extended attributes (file capabilities) this layout cannot hold.
  std::size_t lost_attributes() const;

 private:
  struct Record;
  using Visitor = std::function<Status(const Record&)>;

  AwsApplicationRamdisk(FileTree rootfs, std::optional<std::uint32_t> mtime);
  static bool adapt(std::string_view path, Record& record);
  Status visit(const Visitor& each) const;
  Status visit_container(const Visitor& each) const;

  FileTree rootfs_;
  std::optional<std::uint32_t> mtime_;
  std::string cmd_;
  std::string env_;
  std::uint64_t size_ = 0;
};

}  // namespace cofferdam::image
