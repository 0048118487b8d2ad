// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree.h"

namespace cofferdam::image {

// Who a process of an image runs as.
struct Account {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::string home = "/";
};

// The account that an image's USER means, by its own /etc/passwd and /etc/group, as runc
// finds it (libcontainer/user):
//
//   ""            root
//   NAME, UID     the first line with that name or number; its group, the groups it is a
//                 member of, and its home. A number needs no line: then the group is 0.
//   ...:GROUP     that group, by name or number, and no others
//
// Lines without numbers where numbers belong are passed over (runc takes them for root).
// Errc::invalid_input, `unknown_user` for names that no line has.
Result<Account> find_account(const FileTree& tree, std::string_view user);

}  // namespace cofferdam::image
