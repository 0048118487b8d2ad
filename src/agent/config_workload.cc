// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "agent/config_sections.h"

// [workload] and [[file]].
namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxArguments = 64;
constexpr std::size_t kMaxFiles = 64;
constexpr std::size_t kMaxSocketPath = 100;  // sockaddr_un holds 107.
constexpr std::chrono::hours kLongest{1};

Result<RestartPolicy> read_restart(StrictTable& table) {
  COFFERDAM_TRY(const auto text, table.optional_text("restart"));
  if (!text || *text == "never") return RestartPolicy::never;
  if (*text == "on-failure") return RestartPolicy::on_failure;
  if (*text == "always") return RestartPolicy::always;
  return table.refuse("restart", "is not never, on-failure or always");
}

Status read_supervision(StrictTable& table, WorkloadOptions& out) {
  COFFERDAM_TRY(out.restart, read_restart(table));
  COFFERDAM_TRY(const auto restarts, read_optional_integer(table, "max_restarts", 1, 1000));
  if (restarts) out.max_restarts = static_cast<std::uint32_t>(*restarts);
  COFFERDAM_TRY(const auto grace, read_optional_duration(table, "stop_grace",
                                                         std::chrono::milliseconds(100), kLongest));
  if (grace) out.stop_grace = *grace;
  COFFERDAM_TRY(const auto lines, read_optional_integer(table, "report_lines", 0, 50));
  if (lines) out.report_lines = static_cast<std::uint32_t>(*lines);
  COFFERDAM_TRY(out.watchdog,
                read_optional_duration(table, "watchdog", std::chrono::seconds(1), kLongest));
  return {};
}

// "0400": what chmod takes, without bits for others to write or execute as someone else.
Result<std::uint32_t> read_mode(StrictTable& table) {
  COFFERDAM_TRY(const auto text, table.optional_text("mode"));
  if (!text) return std::uint32_t{0400};
  std::uint32_t out = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, out, 8);
  if (error != std::errc() || stop != end || (out & ~0664U) != 0) {
    return table.refuse("mode", "is not an octal mode within 0664, such as 0400");
  }
  return out;
}

Result<FileSpec> read_file_spec(StrictTable table, const Config& config) {
  constexpr std::int64_t kMaxId = 0xFFFFFFFE;
  FileSpec out;
  COFFERDAM_TRY(out.secret, table.text("secret"));
  COFFERDAM_CHECK(check_stable_secret(table, "secret", config, out.secret));
  COFFERDAM_TRY(out.path, read_path(table, "path"));
  COFFERDAM_TRY(const auto uid, read_optional_integer(table, "uid", 0, kMaxId));
  if (uid) out.uid = static_cast<std::uint32_t>(*uid);
  COFFERDAM_TRY(const auto gid, read_optional_integer(table, "gid", 0, kMaxId));
  if (gid) out.gid = static_cast<std::uint32_t>(*gid);
  COFFERDAM_TRY(out.mode, read_mode(table));
  COFFERDAM_CHECK(table.finish());
  return out;
}

}  // namespace

Status read_workload(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.workload_socket, read_path(table, "socket"));
  if (out.workload_socket.size() > kMaxSocketPath) {
    return table.refuse("socket", "is too long for a Unix socket");
  }
  COFFERDAM_TRY(auto command, table.optional_texts("command", kMaxArguments));
  if (command && !command->front().starts_with('/')) {
    return table.refuse("command", "does not start with an absolute path");
  }
  if (command) out.command = *std::move(command);
  COFFERDAM_CHECK(read_supervision(table, out.workload));
  return table.finish();
}

Status read_files(StrictTable& top, Config& out) {
  COFFERDAM_TRY(std::vector<StrictTable> tables, top.tables("file", kMaxFiles));
  std::set<std::string> paths;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(FileSpec one, read_file_spec(std::move(table), out));
    if (!paths.insert(one.path).second) {
      return fail(Errc::invalid_input, "agent.toml: two files at " + one.path);
    }
    out.files.push_back(std::move(one));
  }
  return {};
}

}  // namespace cofferdam::agent
