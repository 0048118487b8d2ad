// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "agent/reason.h"
#include "agent/start_process.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

std::unexpected<Error> not_written(const FileSpec& spec, const std::string& why) {
  return fail(Errc::unavailable, reason::kFileNotWritten, "cannot write " + spec.path + ": " + why);
}

bool is_in_memory(int folder) {
  struct statfs info{};
  if (fstatfs(folder, &info) != 0) return false;
  return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

// A file without a name that counts; gone unless keep() was called.
class Draft {
 public:
  explicit Draft(int folder)
      : folder_(folder), name_(".cofferdam-" + to_hex(crypto::random_bytes(8))) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!kept_) unlinkat(folder_, name_.c_str(), 0);
  }

  UniqueFd create() const {
    return UniqueFd(
        openat(folder_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0));
  }

  bool keep(const std::string& as) {
    kept_ = renameat(folder_, name_.c_str(), folder_, as.c_str()) == 0;
    return kept_;
  }

 private:
  int folder_;
  std::string name_;
  bool kept_ = false;
};

bool write_all(int file, ByteView content) {
  while (!content.empty()) {
    const ssize_t size = write(file, content.data(), content.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    content = content.subspan(static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace

Status replace_secret_file(const WorkloadRoot& root, const FileSpec& spec, const Secret& content) {
  COFFERDAM_TRY(const UniqueFd folder, root.folder_for(spec.path));
  if (!is_in_memory(folder.get())) {
    return not_written(spec,
                       "its folder is not in memory, and secrets are not written to disks; use a "
                       "path below /run, in an image that has nothing in /run");
  }
  Draft draft(folder.get());
  const UniqueFd file = draft.create();
  if (!file.valid() || !write_all(file.get(), content.reveal())) {
    return not_written(spec, errno_text(errno));
  }
  if (fchown(file.get(), spec.uid, spec.gid) != 0) {
    if (errno == EINVAL) {
      return not_mapped("cannot give " + spec.path + " to user " + std::to_string(spec.uid));
    }
    return not_written(spec, errno_text(errno));
  }
  if (fchmod(file.get(), spec.mode) != 0 ||
      !draft.keep(spec.path.substr(spec.path.rfind('/') + 1))) {
    return not_written(spec, errno_text(errno));
  }
  return {};
}

Task<void> SecretFiles::deliver() {
  for (const FileSpec& spec : parts_.enclave.config().files) {
    COFFERDAM_CO_CHECK(co_await deliver_one(&spec));
  }
  co_return Status();
}

Task<void> SecretFiles::replace(std::string secret) {
  for (const FileSpec& spec : parts_.enclave.config().files) {
    if (spec.secret == secret) COFFERDAM_CO_CHECK(co_await deliver_one(&spec));
  }
  co_return Status();
}

Task<void> SecretFiles::deliver_one(const FileSpec* spec) {
  policy::RequestInput request;
  request.kind = "file";
  request.operation = "WriteFile";
  request.secret = spec->secret;
  COFFERDAM_CO_CHECK(co_await parts_.gate.admit(std::nullopt, std::move(request)));
  COFFERDAM_CO_TRY(const Secret content, co_await parts_.secrets.secret(spec->secret));
  co_return replace_secret_file(parts_.root, *spec, content);
}

}  // namespace cofferdam::agent
