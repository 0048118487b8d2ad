// SPDX-License-Identifier: Apache-2.0
#include "image/accounts.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/printable.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::string_view kPasswd = "/etc/passwd";
constexpr std::string_view kGroup = "/etc/group";
constexpr std::size_t kMaxFileSize = std::size_t{4} << 20;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == text.npos) return out;
    text.remove_prefix(at + 1);
  }
}

// The number of a user or a group. The largest one means "none" to the kernel.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t out = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  if (error != std::errc{} || end != last) return std::nullopt;
  if (out == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return out;
}

struct User {
  std::string_view name;
  std::uint32_t uid;
  std::uint32_t gid;
  std::string_view home;
};

struct Group {
  std::string_view name;
  std::uint32_t gid;
  std::vector<std::string_view> members;
};

std::optional<User> parse_user(const std::vector<std::string_view>& fields) {
  if (fields.size() < 4 || fields[0].empty()) return std::nullopt;
  const auto uid = number(fields[2]);
  const auto gid = number(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return User{.name = fields[0],
              .uid = *uid,
              .gid = *gid,
              .home = fields.size() > 5 ? fields[5] : std::string_view()};
}

std::optional<Group> parse_group(const std::vector<std::string_view>& fields) {
  if (fields.size() < 3 || fields[0].empty()) return std::nullopt;
  const auto gid = number(fields[2]);
  if (!gid) return std::nullopt;
  return Group{
      .name = fields[0],
      .gid = *gid,
      .members = fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string_view>()};
}

// The lines of a file that are what they should be.
template <class Parse>
auto parse_lines(std::string_view text, Parse parse) {
  std::vector<typename decltype(parse({}))::value_type> out;
  for (const std::string_view line : split(text, '\n')) {
    if (auto parsed = parse(split(line, ':'))) out.push_back(*std::move(parsed));
  }
  return out;
}

// An image may do without these files.
Result<Bytes> read_if_there(const FileTree& tree, std::string_view path) {
  const Node* node = tree.resolve(path);
  if (node == nullptr) return Bytes();
  auto out = tree.read(*node, kMaxFileSize);
  if (!out && out.error().code == Errc::not_found) return Bytes();
  if (!out) return wrap(path, std::move(out).error());
  return out;
}

std::unexpected<Error> unknown(std::string_view what, std::string_view name,
                               std::string_view file) {
  return fail(Errc::invalid_input, reason::kUnknownUser,
              "the " + std::string(what) + " " + printable(name) + " is not in the image's " +
                  std::string(file) + "; give a number, or add it there");
}

Result<Account> account_of(const std::vector<User>& users, const std::vector<Group>& groups,
                           std::string_view user, std::string_view group) {
  Account out;
  const auto uid = user.empty() ? std::optional<std::uint32_t>(0) : number(user);
  const auto found = std::ranges::find_if(
      users, [&](const User& one) { return one.name == user || one.uid == uid; });
  if (found != users.end()) {
    out.uid = found->uid;
    out.gid = found->gid;
    if (!found->home.empty()) out.home = found->home;
  } else if (uid) {
    out.uid = *uid;
  } else {
    return unknown("user", user, kPasswd);
  }

  if (!group.empty()) {
    const auto gid = number(group);
    const auto named = std::ranges::find_if(
        groups, [&](const Group& one) { return one.name == group || one.gid == gid; });
    if (named == groups.end() && !gid) return unknown("group", group, kGroup);
    out.gid = named != groups.end() ? named->gid : *gid;
    return out;
  }
  if (found == users.end()) return out;
  for (const Group& one : groups) {
    const bool member = std::ranges::find(one.members, found->name) != one.members.end();
    const bool known = std::ranges::find(out.additional_gids, one.gid) != out.additional_gids.end();
    if (member && !known) out.additional_gids.push_back(one.gid);
  }
  return out;
}

}  // namespace

Result<Account> find_account(const FileTree& tree, std::string_view user) {
  COFFERDAM_TRY(const Bytes passwd, read_if_there(tree, kPasswd));
  COFFERDAM_TRY(const Bytes group, read_if_there(tree, kGroup));
  const std::size_t colon = user.find(':');
  const std::string_view group_part =
      colon == user.npos ? std::string_view() : user.substr(colon + 1);
  return account_of(parse_lines(as_text(passwd), parse_user),
                    parse_lines(as_text(group), parse_group), user.substr(0, colon), group_part);
}

}  // namespace cofferdam::image
