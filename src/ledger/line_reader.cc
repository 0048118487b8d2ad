// SPDX-License-Identifier: Apache-2.0
#include "ledger/line_reader.h"

#include <boost/json/basic_parser_impl.hpp>

#include "base/json.h"
#include "ledger/entry.h"

namespace cofferdam::ledger {
namespace {

// What every line of a ledger begins with.
constexpr std::string_view kBeginning = R"({"entry":{"kind":")";

// Looks at the grammar and keeps nothing.
struct Grammar {
  using error = boost::json::error_code;
  using text = boost::json::string_view;
  constexpr static std::size_t max_object_size = kMaxLineSize;
  constexpr static std::size_t max_array_size = kMaxLineSize;
  constexpr static std::size_t max_key_size = kMaxLineSize;
  constexpr static std::size_t max_string_size = kMaxLineSize;

  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return true; }
  bool on_object_end(std::size_t, error&) { return true; }
  bool on_array_begin(error&) { return true; }
  bool on_array_end(std::size_t, error&) { return true; }
  bool on_key_part(text, std::size_t, error&) { return true; }
  bool on_key(text, std::size_t, error&) { return true; }
  bool on_string_part(text, std::size_t, error&) { return true; }
  bool on_string(text, std::size_t, error&) { return true; }
  bool on_number_part(text, error&) { return true; }
  bool on_int64(std::int64_t, text, error&) { return true; }
  bool on_uint64(std::uint64_t, text, error&) { return true; }
  bool on_double(double, text, error&) { return true; }
  bool on_bool(bool, error&) { return true; }
  bool on_null(error&) { return true; }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }
};

}  // namespace

Result<std::optional<LineReader::Line>> LineReader::next() {
  using Traits = std::istream::traits_type;
  if (!in_.good() || in_.peek() == Traits::eof()) {
    if (in_.bad()) return fail(Errc::unavailable, "the ledger cannot be read to its end");
    return std::nullopt;
  }
  Line line;
  line.number = ++number_;
  std::streambuf& buffer = *in_.rdbuf();
  for (auto c = buffer.sbumpc(); c != Traits::eof(); c = buffer.sbumpc()) {
    if (c == '\n') {
      line.ended = true;
      break;
    }
    if (line.text.size() == kMaxLineSize) line.too_long = true;
    if (!line.too_long) line.text += Traits::to_char_type(c);
  }
  if (line.too_long) line.text.clear();
  return line;
}

bool is_half_line(std::string_view text) {
  if (text.substr(0, kBeginning.size()) != kBeginning.substr(0, text.size())) return false;
  boost::json::basic_parser<Grammar> parser((json::parse_options()));
  Grammar::error error;
  const std::size_t used = parser.write_some(true, text.data(), text.size(), error);
  if (error || used != text.size()) return false;
  return !parser.done() || parse_line(text).has_value();
}

}  // namespace cofferdam::ledger
