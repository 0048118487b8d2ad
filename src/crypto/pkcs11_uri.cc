// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11_uri.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"

namespace cofferdam::crypto {
namespace {

constexpr std::string_view kAlwaysAllowed = "-._~:[]@!$'()*+,=";
constexpr std::string_view kFileScheme = "file:";

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "PKCS#11 URI: " + std::move(detail));
}

constexpr bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// One component of the URI: how its attributes are divided, and what a value may hold
// beyond what both may.
struct Component {
  char separator;
  std::string_view extra;
};
constexpr Component kPath{.separator = ';', .extra = "&"};
constexpr Component kQuery{.separator = '&', .extra = "/?|"};

bool is_allowed(char c, const Component& component) {
  return is_alphanumeric(c) || kAlwaysAllowed.find(c) != std::string_view::npos ||
         component.extra.find(c) != std::string_view::npos;
}

Result<std::string> decode(std::string_view text, const Component& component) {
  std::string out;
  while (!text.empty()) {
    const bool escaped = text.front() == '%';
    if (!escaped && !is_allowed(text.front(), component)) {
      return bad("a value holds a character that must be written as %XX");
    }
    if (!escaped) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto octet = from_hex(text.substr(1, 2));
    if (!octet || octet->size() != 1) return bad("expected two hexadecimal digits after %");
    out += static_cast<char>(octet->front());
    text.remove_prefix(3);
  }
  return out;
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_';
  });
}

Result<std::string> text_value(std::string_view name, std::string value) {
  if (value.find('\0') != std::string::npos) return bad(std::string(name) + " holds a NUL");
  return value;
}

Result<std::filesystem::path> path_value(std::string_view name, std::string value) {
  COFFERDAM_TRY(std::string text, text_value(name, std::move(value)));
  if (text.starts_with('|')) {
    return bad(std::string(name) + " names a command; name a file, or use --pin-file");
  }
  if (text.starts_with(kFileScheme)) text.erase(0, kFileScheme.size());
  if (text.starts_with("///")) text.erase(0, 2);  // file:///PATH
  if (!text.starts_with('/') || text.starts_with("//")) {
    return bad(std::string(name) + ": expected an absolute path");
  }
  return std::filesystem::path(std::move(text));
}

Result<std::uint64_t> number_value(std::string_view name, std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return bad(std::string(name) + ": expected a decimal number");
  }
  return out;
}

Status set_path_attribute(Pkcs11Uri& out, std::string_view name, std::string value) {
  struct Text {
    std::string_view name;
    std::optional<std::string> Pkcs11Uri::* member;
  };
  constexpr Text kTexts[] = {{"token", &Pkcs11Uri::token},
                             {"serial", &Pkcs11Uri::serial},
                             {"manufacturer", &Pkcs11Uri::manufacturer},
                             {"model", &Pkcs11Uri::model},
                             {"object", &Pkcs11Uri::object}};
  for (const Text& text : kTexts) {
    if (text.name != name) continue;
    COFFERDAM_TRY(out.*text.member, text_value(name, std::move(value)));
    return {};
  }
  if (name == "id") {
    out.id = to_bytes(value);
  } else if (name == "slot-id") {
    COFFERDAM_TRY(out.slot_id, number_value(name, value));
  } else if (name == "type") {
    if (value != "private") return bad("type: a signing key is of type private");
  } else {
    return bad("the attribute " + std::string(name) + " is not known here");
  }
  return {};
}

Status set_query_attribute(Pkcs11Uri& out, std::string_view name, std::string value) {
  if (name == "pin-value") {
    return bad("pin-value would show the PIN to everyone; use pin-source or --pin-file");
  }
  if (name == "module-name") {
    return bad("module-name is not known here; give the whole module-path");
  }
  if (name == "module-path") {
    COFFERDAM_TRY(out.module_path, path_value(name, std::move(value)));
  } else if (name == "pin-source") {
    COFFERDAM_TRY(out.pin_source, path_value(name, std::move(value)));
  }
  return {};
}

using Setter = Status (*)(Pkcs11Uri&, std::string_view, std::string);

Status parse_component(std::string_view text, const Component& component, Setter set,
                       Pkcs11Uri& out) {
  std::set<std::string_view> seen;
  while (true) {
    const std::size_t end = text.find(component.separator);
    const std::string_view attribute = text.substr(0, end);
    const std::size_t equals = attribute.find('=');
    const std::string_view name = attribute.substr(0, equals);
    if (equals == std::string_view::npos || !is_attribute_name(name)) {
      return bad("expected NAME=VALUE between separators");
    }
    if (!seen.insert(name).second) return bad(std::string(name) + " appears twice");
    COFFERDAM_TRY(std::string value, decode(attribute.substr(equals + 1), component));
    COFFERDAM_CHECK(set(out, name, std::move(value)));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

std::string encode(std::string_view value, const Component& component) {
  std::string out;
  for (const char c : value) {
    out += is_allowed(c, component) ? std::string(1, c) : "%" + to_hex(as_bytes({&c, 1}));
  }
  return out;
}

}  // namespace

Result<Pkcs11Uri> Pkcs11Uri::parse(std::string_view text) {
  if (text.size() > kMaxPkcs11UriSize) return bad("longer than 4096 characters");
  if (!equal_ignoring_case(text.substr(0, kPkcs11Scheme.size()), kPkcs11Scheme)) {
    return bad("expected pkcs11:...");
  }
  text.remove_prefix(kPkcs11Scheme.size());
  const std::size_t question = text.find('?');
  const std::string_view path = text.substr(0, question);
  Pkcs11Uri out;
  if (!path.empty()) COFFERDAM_CHECK(parse_component(path, kPath, set_path_attribute, out));
  if (question != std::string_view::npos) {
    COFFERDAM_CHECK(parse_component(text.substr(question + 1), kQuery, set_query_attribute, out));
  }
  return out;
}

std::string Pkcs11Uri::to_string() const {
  std::string path;
  const auto add = [&path](std::string_view name, const std::string& value) {
    if (!path.empty()) path += ';';
    path += std::string(name) + '=' + value;
  };
  const std::pair<std::string_view, const std::optional<std::string>*> texts[] = {
      {"token", &token},
      {"serial", &serial},
      {"manufacturer", &manufacturer},
      {"model", &model},
      {"object", &object}};
  for (const auto& [name, value] : texts) {
    if (*value) add(name, encode(**value, kPath));
  }
  if (id) add("id", encode(as_text(*id), kPath));
  if (slot_id) add("slot-id", std::to_string(*slot_id));

  std::string query;
  if (module_path) query += "&module-path=" + encode(module_path->native(), kQuery);
  if (pin_source) query += "&pin-source=" + encode(pin_source->native(), kQuery);
  if (!query.empty()) query.front() = '?';
  return std::string(kPkcs11Scheme) + path + query;
}

}  // namespace cofferdam::crypto
