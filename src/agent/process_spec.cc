// SPDX-License-Identifier: Apache-2.0
#include "agent/process_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

#include "base/beneath.h"
#include "base/encoding.h"
#include "base/json.h"
#include "bytes/utf8.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxArguments = 4096;
constexpr std::size_t kMaxVariables = 4096;
constexpr std::size_t kMaxGroups = 1024;
constexpr std::size_t kMaxAttributes = 65'536;
constexpr std::size_t kMaxString = 128 * std::size_t{1024} - 1;  // MAX_ARG_STRLEN without its NUL.
constexpr std::size_t kMaxPath = 4095;                           // PATH_MAX without its NUL.
constexpr std::size_t kMaxAttributeName = 255;
constexpr std::size_t kMaxAttributeValue = std::size_t{64} * 1024;
constexpr std::size_t kMaxDepth = 3;
// In system calls this number means "leave it as it is".
constexpr std::uint32_t kNobodyAtAll = std::numeric_limits<std::uint32_t>::max();

std::unexpected<Error> refuse(std::string_view place, std::string_view why) {
  return fail(Errc::invalid_input, "process.json: " + std::string(place) + " " + std::string(why));
}

std::string element(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// --- What a specification must hold.

Status check_text(std::string_view place, std::string_view text, std::size_t max_size) {
  if (text.size() > max_size) {
    return refuse(place, "is longer than " + std::to_string(max_size) + " bytes");
  }
  if (text.find('\0') != text.npos) return refuse(place, "holds a NUL");
  if (!is_utf8(text)) return refuse(place, "is not UTF-8");
  return {};
}

Status check_count(std::string_view place, std::size_t count, std::size_t max_count) {
  if (count <= max_count) return {};
  return refuse(place, "has more than " + std::to_string(max_count) + " elements");
}

Status check_path(std::string_view place, std::string_view path) {
  COFFERDAM_CHECK(check_text(place, path, kMaxPath));
  if (!path.starts_with('/')) return refuse(place, "is not an absolute path");
  return {};
}

// A path that two readers take for the same file.
Status check_plain_path(std::string_view place, std::string_view path) {
  COFFERDAM_CHECK(check_path(place, path));
  if (!path_components(path)) return refuse(place, "has '.', '..', '//' or a slash at its end");
  return {};
}

Status check_args(const std::vector<std::string>& args) {
  COFFERDAM_CHECK(check_count("args", args.size(), kMaxArguments));
  for (std::size_t i = 0; i < args.size(); ++i) {
    COFFERDAM_CHECK(check_text(element("args", i), args[i], kMaxString));
  }
  if (!args.empty() && args.front().empty()) return refuse("args[0]", "is empty");
  return {};
}

Status check_env(const std::vector<std::string>& env) {
  COFFERDAM_CHECK(check_count("env", env.size(), kMaxVariables));
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < env.size(); ++i) {
    const std::string place = element("env", i);
    COFFERDAM_CHECK(check_text(place, env[i], kMaxString));
    const std::size_t equals = env[i].find('=');
    if (equals == 0 || equals == std::string::npos) return refuse(place, "is not NAME=value");
    if (!names.insert(std::string_view(env[i]).substr(0, equals)).second) {
      return refuse(place, "names a variable that is set before");
    }
  }
  return {};
}

Status check_user(const ProcessSpec& spec) {
  if (spec.uid == kNobodyAtAll) return refuse("user.uid", "is not a user");
  if (spec.gid == kNobodyAtAll) return refuse("user.gid", "is not a group");
  COFFERDAM_CHECK(check_count("user.additionalGids", spec.additional_gids.size(), kMaxGroups));
  if (std::ranges::find(spec.additional_gids, kNobodyAtAll) != spec.additional_gids.end()) {
    return refuse("user.additionalGids", "holds what is not a group");
  }
  return {};
}

Status check_attribute(const std::string& place, const FileAttribute& one) {
  COFFERDAM_CHECK(check_plain_path(place + ".path", one.path));
  COFFERDAM_CHECK(check_text(place + ".name", one.name, kMaxAttributeName));
  const std::size_t dot = one.name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == one.name.size()) {
    return refuse(place + ".name", "is not NAMESPACE.NAME");
  }
  if (one.value.size() > kMaxAttributeValue) return refuse(place + ".value", "is over 64 KiB");
  return {};
}

Status check_attributes(const std::vector<FileAttribute>& attributes) {
  COFFERDAM_CHECK(check_count("attributes", attributes.size(), kMaxAttributes));
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const std::string place = element("attributes", i);
    COFFERDAM_CHECK(check_attribute(place, attributes[i]));
    if (!seen.emplace(attributes[i].path, attributes[i].name).second) {
      return refuse(place, "is set before");
    }
  }
  return {};
}

// --- What the text must be.

Result<std::string> read_text(const std::string& place, const json::value& value) {
  if (!value.is_string()) return refuse(place, "is not a string");
  return std::string(value.get_string());
}

Result<std::uint32_t> read_id(const std::string& place, const json::value& value) {
  boost::system::error_code error;
  const auto out = value.to_number<std::uint32_t>(error);
  // A number with a fraction is one to Boost.JSON if the fraction is zero.
  if (error || value.is_double()) return refuse(place, "is not an integer from 0 to 4294967294");
  return out;
}

// Each element of an array, read by `read` with its place.
template <class T>
Result<std::vector<T>> read_list(const std::string& place, const json::value& value,
                                 Result<T> (*read)(const std::string&, const json::value&)) {
  if (!value.is_array()) return refuse(place, "is not an array");
  std::vector<T> out;
  out.reserve(value.get_array().size());
  for (const json::value& one : value.get_array()) {
    COFFERDAM_TRY(T item, read(element(place, out.size()), one));
    out.push_back(std::move(item));
  }
  return out;
}

Result<Bytes> read_octets(const std::string& place, const json::value& value) {
  COFFERDAM_TRY(const std::string text, read_text(place, value));
  auto out = from_base64(text);
  if (!out) return refuse(place, "is not base64");
  return out;
}

Result<FileAttribute> read_attribute(const std::string& place, const json::value& value) {
  if (!value.is_object()) return refuse(place, "is not an object");
  FileAttribute out;
  for (const auto& [name, member] : value.get_object()) {
    if (name == "path") {
      COFFERDAM_TRY(out.path, read_text(place + ".path", member));
    } else if (name == "name") {
      COFFERDAM_TRY(out.name, read_text(place + ".name", member));
    } else if (name == "value") {
      COFFERDAM_TRY(out.value, read_octets(place + ".value", member));
    } else {
      return refuse(place, "has a member nobody knows");
    }
  }
  return out;
}

Status read_user(const json::value& value, ProcessSpec& out) {
  if (!value.is_object()) return refuse("user", "is not an object");
  for (const auto& [name, member] : value.get_object()) {
    if (name == "uid") {
      COFFERDAM_TRY(out.uid, read_id("user.uid", member));
    } else if (name == "gid") {
      COFFERDAM_TRY(out.gid, read_id("user.gid", member));
    } else if (name == "additionalGids") {
      COFFERDAM_TRY(out.additional_gids, read_list("user.additionalGids", member, read_id));
    } else {
      return refuse("user", "has a member nobody knows");
    }
  }
  return {};
}

Status read_member(std::string_view name, const json::value& value, ProcessSpec& out) {
  if (name == "root") {
    COFFERDAM_TRY(out.root, read_text("root", value));
  } else if (name == "args") {
    COFFERDAM_TRY(out.args, read_list("args", value, read_text));
  } else if (name == "env") {
    COFFERDAM_TRY(out.env, read_list("env", value, read_text));
  } else if (name == "cwd") {
    COFFERDAM_TRY(out.cwd, read_text("cwd", value));
  } else if (name == "user") {
    COFFERDAM_CHECK(read_user(value, out));
  } else if (name == "stopSignal") {
    COFFERDAM_TRY(out.stop_signal, read_text("stopSignal", value));
  } else if (name == "attributes") {
    COFFERDAM_TRY(out.attributes, read_list("attributes", value, read_attribute));
  } else {
    return refuse("the text", "has a member nobody knows");
  }
  return {};
}

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& one : list) out.emplace_back(one);
  return out;
}

// --- Signals.

constexpr int kLastClassicSignal = 31;
constexpr int kFirstRealTimeSignal = 34;  // glibc keeps 32 and 33 for itself.
constexpr int kLastSignal = 64;

std::optional<int> decimal(std::string_view text) {
  int out = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, out);
  if (error != std::errc() || stop != end || text.starts_with('-')) return std::nullopt;
  return out;
}

// The number at `offset` from an end of the real-time range: "", "+3", "-1".
std::optional<int> real_time_signal(int from, char sign, std::string_view offset) {
  if (offset.empty()) return from;
  if (offset.front() != sign) return std::nullopt;
  const auto count = decimal(offset.substr(1));
  if (!count || *count > kLastSignal - kFirstRealTimeSignal) return std::nullopt;
  return sign == '+' ? from + *count : from - *count;
}

std::optional<int> named_signal(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOtherNames{
      {{"IO", "POLL"}, {"IOT", "ABRT"}, {"CLD", "CHLD"}, {"UNUSED", "SYS"}}};
  for (const auto& [other, usual] : kOtherNames) {
    if (name == other) name = usual;
  }
  for (int number = 1; number <= kLastClassicSignal; ++number) {
    const char* const known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return std::nullopt;
}

std::optional<int> find_signal(std::string_view name) {
  if (const auto number = decimal(name)) {
    return *number >= 1 && *number <= kLastSignal ? number : std::nullopt;
  }
  constexpr std::string_view kPrefix = "SIG";
  constexpr std::string_view kFirst = "RTMIN";
  constexpr std::string_view kLast = "RTMAX";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  if (name.starts_with(kFirst)) {
    return real_time_signal(kFirstRealTimeSignal, '+', name.substr(kFirst.size()));
  }
  if (name.starts_with(kLast)) {
    return real_time_signal(kLastSignal, '-', name.substr(kLast.size()));
  }
  return named_signal(name);
}

}  // namespace

Status check_process_spec(const ProcessSpec& spec) {
  if (spec.root != "/") COFFERDAM_CHECK(check_plain_path("root", spec.root));
  COFFERDAM_CHECK(check_args(spec.args));
  COFFERDAM_CHECK(check_env(spec.env));
  COFFERDAM_CHECK(check_path("cwd", spec.cwd));
  COFFERDAM_CHECK(check_user(spec));
  if (!signal_number(spec.stop_signal)) return refuse("stopSignal", "is not a signal");
  COFFERDAM_CHECK(check_attributes(spec.attributes));
  if (to_json(spec).size() > kMaxProcessSpecSize) {
    return refuse("the text", "is over " + std::to_string(kMaxProcessSpecSize) + " bytes");
  }
  return {};
}

Result<ProcessSpec> parse_process_spec(std::string_view text) {
  const auto value = parse_json(text, kMaxProcessSpecSize, kMaxDepth);
  if (!value) return wrap("process.json", value.error());
  if (!value->is_object()) return refuse("the text", "is not an object");
  ProcessSpec out;
  for (const auto& [name, member] : value->get_object()) {
    COFFERDAM_CHECK(read_member(name, member, out));
  }
  COFFERDAM_CHECK(check_process_spec(out));
  return out;
}

std::string to_json(const ProcessSpec& spec) {
  json::array groups;
  for (const std::uint32_t gid : spec.additional_gids) groups.emplace_back(gid);
  json::array attributes;
  for (const FileAttribute& one : spec.attributes) {
    attributes.push_back(
        json::object{{"path", one.path}, {"name", one.name}, {"value", to_base64(one.value)}});
  }
  json::object user;
  user["uid"] = spec.uid;
  user["gid"] = spec.gid;
  user["additionalGids"] = std::move(groups);
  json::object out;
  out["root"] = spec.root;
  out["args"] = texts(spec.args);
  out["env"] = texts(spec.env);
  out["cwd"] = spec.cwd;
  out["user"] = std::move(user);
  out["stopSignal"] = spec.stop_signal;
  out["attributes"] = std::move(attributes);
  return pretty_json(out);
}

Result<int> signal_number(std::string_view name) {
  if (const auto number = find_signal(name)) return *number;
  return fail(Errc::invalid_input,
              "expected a signal such as SIGTERM, TERM, 15 or SIGRTMIN+3, found another text");
}

}  // namespace cofferdam::agent
