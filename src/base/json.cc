// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <set>
#include <vector>

#include "base/json_secrets.h"

namespace cofferdam {
namespace {

using boost::json::error_code;
using boost::json::string_view;

// Feeds Boost.JSON's value_stack and remembers the member names of each open object.
class StrictHandler {
 public:
  constexpr static std::size_t max_object_size = 10'000;
  constexpr static std::size_t max_array_size = 1'000'000;
  constexpr static std::size_t max_key_size = std::size_t{64} * 1024;
  constexpr static std::size_t max_string_size = std::size_t{64} * 1024 * 1024;

  bool on_document_begin(error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    secret_name_ = nullptr;
    names_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t size, error_code&) {
    names_.pop_back();
    stack_.push_object(size);
    return true;
  }
  bool on_array_begin(error_code&) {
    secret_name_ = nullptr;
    return true;
  }
  bool on_array_end(std::size_t size, error_code&) {
    stack_.push_array(size);
    return true;
  }
  bool on_key_part(string_view part, std::size_t, error_code&) {
    key_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }
  bool on_key(string_view part, std::size_t, error_code& error) {
    key_.append(part.data(), part.size());
    const auto [name, added] = names_.back().insert(std::move(key_));
    if (!added) {
      error = boost::json::error::syntax;
      duplicate_ = true;
      return false;
    }
    key_.clear();
    stack_.push_key(part);
    const bool secret =
        names_.size() == 1 && std::ranges::find(secret_names_, *name) != secret_names_.end();
    secret_name_ = secret ? &*name : nullptr;
    return true;
  }
  bool on_string_part(string_view part, std::size_t, error_code&) {
    if (in_secret()) {
      append_to_secret(part);
    } else {
      stack_.push_chars(part);
    }
    return true;
  }
  bool on_string(string_view part, std::size_t, error_code&) {
    if (in_secret()) {
      append_to_secret(part);
      secret_name_ = nullptr;
      stack_.push_null();
    } else {
      stack_.push_string(part);
    }
    return true;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, string_view, error_code&) {
    stack_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, string_view, error_code&) {
    stack_.push_uint64(value);
    return true;
  }
  bool on_double(double value, string_view, error_code&) {
    stack_.push_double(value);
    return true;
  }
  bool on_bool(bool value, error_code&) {
    stack_.push_bool(value);
    return true;
  }
  bool on_null(error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

  json::value release() { return stack_.release(); }
  bool duplicate() const { return duplicate_; }

  // Members of the outermost object whose text is kept out of the value.
  void keep_secret(std::span<const std::string_view> names) { secret_names_ = names; }
  JsonSecrets release_secrets() { return std::move(secrets_); }

 private:
  bool in_secret() const { return secret_name_ != nullptr; }
  void append_to_secret(string_view part) {
    const ByteView piece = as_bytes({part.data(), part.size()});
    Secret& secret = secrets_[*secret_name_];
    Secret longer(secret.size() + piece.size());
    std::ranges::copy(secret.reveal(), longer.reveal_mut().begin());
    std::ranges::copy(piece, longer.reveal_mut().subspan(secret.size()).begin());
    secret = std::move(longer);
  }

  boost::json::value_stack stack_;
  std::span<const std::string_view> secret_names_;
  const std::string* secret_name_ = nullptr;  // Of the text that comes next, in names_.
  JsonSecrets secrets_;
  std::vector<std::set<std::string>> names_;
  std::string key_;
  bool duplicate_ = false;
};

std::unexpected<Error> wrong_type(std::string_view name, std::string_view wanted) {
  return fail(Errc::invalid_input, "'" + std::string(name) + "' is not " + std::string(wanted));
}

const json::value* find(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<JsonWithSecrets> parse(std::string_view text, std::size_t max_size, std::size_t max_depth,
                              std::span<const std::string_view> secret_names) {
  if (text.size() > max_size) {
    return fail(Errc::invalid_input, "JSON of " + std::to_string(text.size()) +
                                         " bytes exceeds the limit of " + std::to_string(max_size));
  }
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<StrictHandler> parser(options);
  parser.handler().keep_secret(secret_names);
  error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().duplicate()) {
    return fail(Errc::invalid_input, "JSON object with the same member twice");
  }
  if (error || !parser.done()) {
    return fail(Errc::invalid_input, "not JSON, at byte " + std::to_string(used) +
                                         (error ? ": " + error.message() : ""));
  }
  if (used != text.size()) return fail(Errc::invalid_input, "text after the JSON value");
  return JsonWithSecrets{.value = parser.handler().release(),
                         .secrets = parser.handler().release_secrets()};
}

void print(const json::value& value, const std::string& indent, std::string& out) {
  const std::string inner = indent + "  ";
  if (value.is_object() && !value.get_object().empty()) {
    const char* separator = "{\n";
    for (const auto& [name, member] : value.get_object()) {
      out += separator + inner + json::serialize(json::string(name)) + ": ";
      print(member, inner, out);
      separator = ",\n";
    }
    out += "\n" + indent + "}";
  } else if (value.is_array() && !value.get_array().empty()) {
    const char* separator = "[\n";
    for (const auto& element : value.get_array()) {
      out += separator + inner;
      print(element, inner, out);
      separator = ",\n";
    }
    out += "\n" + indent + "]";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

Result<json::value> parse_json(std::string_view text, std::size_t max_size, std::size_t max_depth) {
  COFFERDAM_TRY(auto parsed, parse(text, max_size, max_depth, {}));
  return std::move(parsed.value);
}

Result<JsonWithSecrets> parse_json_with_secrets(std::string_view text, std::size_t max_size,
                                                std::span<const std::string_view> names,
                                                std::size_t max_depth) {
  return parse(text, max_size, max_depth, names);
}

Result<std::optional<std::string>> optional_string(const json::object& object,
                                                   std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return wrong_type(name, "a string");
  return std::string(value->get_string());
}

Result<std::string> required_string(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(auto value, optional_string(object, name));
  if (!value) return fail(Errc::invalid_input, "'" + std::string(name) + "' is missing");
  return *std::move(value);
}

Result<std::optional<std::int64_t>> optional_integer(const json::object& object,
                                                     std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64()) return wrong_type(name, "an integer");
  return value->get_int64();
}

Result<std::optional<bool>> optional_bool(const json::object& object, std::string_view name) {
  const auto* value = find(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong_type(name, "true or false");
  return value->get_bool();
}

std::string pretty_json(const json::value& value) {
  std::string out;
  print(value, "", out);
  return out + "\n";
}

}  // namespace cofferdam
