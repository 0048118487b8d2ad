// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Which users exist inside a sandbox, and who they are outside.
namespace cofferdam::run {

// Lets this process, and what it clones meanwhile, be looked at by its own user, who could not
// write a child's maps otherwise: our programs cannot be dumped (base/process.h).
class DumpableForNow {
 public:
  DumpableForNow() noexcept;
  ~DumpableForNow();
  DumpableForNow(const DumpableForNow&) = delete;
  DumpableForNow& operator=(const DumpableForNow&) = delete;

 private:
  int before_;
};

// One line of /etc/subuid or /etc/subgid.
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// The first range of a user (by name or number) in the text of such a file; lines that are
// no ranges are passed over, as newuidmap(1) does.
std::optional<IdRange> find_range(std::string_view text, std::string_view name, uid_t uid);

class UserMap {
 public:
  // For this process: root needs no namespace, and everybody is who they are. Others need one:
  // with 0 as the caller and 1 to N from /etc/subuid and /etc/subgid where newuidmap and
  // newgidmap are installed, else with the caller alone, as 0.
  static UserMap for_this_process();

  bool needs_namespace() const noexcept { return kind_ != Kind::root; }
  // Whether files and processes of other users than 0 can exist.
  bool has_other_users() const noexcept { return kind_ != Kind::single; }

  // Makes the map of a process just cloned into a user namespace, from outside. It must
  // have been cloned, and this be called, under DumpableForNow.
  Status apply(pid_t pid) const;

  // Runs `work` as root of such a namespace, in a process of its own, and returns what it
  // returns; here and now if no namespace is needed.
  Status run_inside(const std::function<Status()>& work) const;

 private:
  enum class Kind : std::uint8_t { root, range, single };

  Kind kind_ = Kind::single;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  IdRange uids_;
  IdRange gids_;
  std::string newuidmap_;
  std::string newgidmap_;
};

// Why this kernel refuses namespaces to this process, and what to change. `code` is errno.
std::string namespace_failure(int code);

}  // namespace cofferdam::run
