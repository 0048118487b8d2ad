// SPDX-License-Identifier: Apache-2.0
#include "run/state.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/file.h"

namespace cofferdam::run {
namespace {

constexpr std::size_t kMaxStateSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxName = 64;

constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

void put(json::object& out, std::string_view name, const std::optional<std::int64_t>& value) {
  if (value) out[name] = *value;
}

Result<Backend> parse_backend(std::string_view text) {
  if (text == "process") return Backend::process;
  if (text == "nitro") return Backend::nitro;
  return fail(Errc::invalid_input, "state.json names an unknown backend");
}

Status check_members(const json::object& object) {
  static const std::set<std::string_view> known{
      "id",        "name", "backend", "image", "Measurements", "debugMode", "startedAt",
      "memoryMiB", "cpus", "cid",     "pid",   "pidStart",     "endedAt",   "exitStatus"};
  for (const auto& member : object) {
    if (!known.contains(std::string_view(member.key()))) {
      return fail(Errc::invalid_input, "state.json has an unknown member");
    }
  }
  return {};
}

Status read_numbers(const json::object& object, EnclaveState& out) {
  COFFERDAM_TRY(out.memory_mib, optional_integer(object, "memoryMiB"));
  COFFERDAM_TRY(out.cpus, optional_integer(object, "cpus"));
  COFFERDAM_TRY(out.cid, optional_integer(object, "cid"));
  COFFERDAM_TRY(out.pid, optional_integer(object, "pid"));
  COFFERDAM_TRY(out.pid_start, optional_integer(object, "pidStart"));
  COFFERDAM_TRY(out.exit_status, optional_integer(object, "exitStatus"));
  if (out.pid && (*out.pid < 2 || *out.pid > 0x7fffffff || !out.pid_start)) {
    return fail(Errc::invalid_input, "state.json names an impossible process");
  }
  return {};
}

}  // namespace

std::string_view to_string(Backend backend) noexcept {
  return backend == Backend::nitro ? "nitro" : "process";
}

json::object to_json(const EnclaveState& state) {
  json::object out;
  out["id"] = state.id;
  out["name"] = state.name;
  out["backend"] = to_string(state.backend);
  out["image"] = state.image;
  out["Measurements"] = state.measurements;
  out["debugMode"] = state.debug_mode;
  out["startedAt"] = format_rfc3339(state.started_at);
  put(out, "memoryMiB", state.memory_mib);
  put(out, "cpus", state.cpus);
  put(out, "cid", state.cid);
  put(out, "pid", state.pid);
  put(out, "pidStart", state.pid_start);
  if (state.ended_at) out["endedAt"] = format_rfc3339(*state.ended_at);
  put(out, "exitStatus", state.exit_status);
  return out;
}

Result<EnclaveState> parse_state(std::string_view text) {
  COFFERDAM_TRY(const json::value parsed, parse_json(text, kMaxStateSize));
  if (!parsed.is_object()) return fail(Errc::invalid_input, "state.json holds no object");
  const json::object& object = parsed.get_object();
  COFFERDAM_CHECK(check_members(object));
  EnclaveState out;
  COFFERDAM_TRY(out.id, required_string(object, "id"));
  COFFERDAM_TRY(out.name, required_string(object, "name"));
  COFFERDAM_CHECK(check_name(out.name));
  COFFERDAM_TRY(const std::string backend, required_string(object, "backend"));
  COFFERDAM_TRY(out.backend, parse_backend(backend));
  COFFERDAM_TRY(out.image, required_string(object, "image"));
  const json::value* const measurements = object.if_contains("Measurements");
  if (measurements == nullptr || !measurements->is_object()) {
    return fail(Errc::invalid_input, "state.json has no measurements");
  }
  out.measurements = measurements->get_object();
  COFFERDAM_TRY(const auto debug_mode, optional_bool(object, "debugMode"));
  out.debug_mode = debug_mode.value_or(false);
  COFFERDAM_TRY(const std::string started, required_string(object, "startedAt"));
  COFFERDAM_TRY(out.started_at, parse_rfc3339(started));
  COFFERDAM_TRY(const auto ended, optional_string(object, "endedAt"));
  if (ended) {
    COFFERDAM_TRY(out.ended_at, parse_rfc3339(*ended));
  }
  COFFERDAM_CHECK(read_numbers(object, out));
  return out;
}

Result<std::int64_t> process_start(std::int64_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  COFFERDAM_TRY(const std::string text, read_text_file(path, 4096));
  // "PID (NAME) STATE …": the name may hold anything, so count from its last bracket.
  std::string_view rest = text;
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size() - 1) + 1);
  constexpr int kFieldsBefore = 20;  // STATE is field 3, the time of start field 22.
  for (int field = 0; field < kFieldsBefore; ++field) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return fail(Errc::internal, path + " is too short");
    rest.remove_prefix(space + 1);
  }
  std::int64_t out = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), out).ec != std::errc()) {
    return fail(Errc::internal, path + " has no time of start");
  }
  return out;
}

Status check_name(std::string_view name) {
  const bool legal = !name.empty() && name.size() <= kMaxName && name[0] != '.' && name[0] != '-' &&
                     std::ranges::all_of(name, is_name_character);
  if (legal) return {};
  return fail(Errc::invalid_input,
              "an enclave's name has 1 to 64 letters, digits, '.', '_' and '-', and begins with "
              "neither '.' nor '-'");
}

std::string default_name(const std::string& image) {
  std::string out = std::filesystem::path(image).filename().string();
  if (out.ends_with(".eif")) out.resize(out.size() - 4);
  std::ranges::replace_if(out, [](char c) { return !is_name_character(c); }, '_');
  if (out.size() > kMaxName - 8) out.resize(kMaxName - 8);  // Room for a number.
  if (out.empty()) return "enclave";
  if (out[0] == '.' || out[0] == '-') out[0] = '_';
  return out;
}

}  // namespace cofferdam::run
