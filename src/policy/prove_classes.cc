// SPDX-License-Identifier: Apache-2.0
#include "policy/prove_classes.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMeasurementSize = 96;
constexpr std::string_view kDigits = "0123456789abcdef";
constexpr int kArnColons = 5;

// One step of a pattern: a character, any one character, or any text.
struct Step {
  enum class Kind : std::uint8_t { character, any_character, any_text };

  Kind kind = Kind::character;
  char character = 0;
  bool ignore_case = false;
  bool not_colon = false;  // A wildcard inside a part of an ARN.

  bool takes(char c) const noexcept {
    if (kind != Kind::character) return !(not_colon && c == ':');
    return c == character || (ignore_case && to_lower(c) == to_lower(character));
  }
};
using Steps = std::vector<Step>;

Step wildcard(char c, bool not_colon) {
  return {.kind = c == '*' ? Step::Kind::any_text : Step::Kind::any_character,
          .character = 0,
          .ignore_case = false,
          .not_colon = not_colon};
}

// Parts missing at the end are wildcards; "*" alone is any text of six parts.
Steps arn_steps(std::string_view text) {
  Steps out;
  int colons = 0;
  for (const char c : text) {
    if (c == '*' || c == '?') {
      out.push_back(wildcard(c, colons < kArnColons));
      continue;
    }
    if (c == ':') ++colons;
    out.push_back({.kind = Step::Kind::character, .character = c});
  }
  for (; colons < kArnColons; ++colons) {
    out.push_back({.kind = Step::Kind::character, .character = ':'});
    out.push_back(wildcard('*', colons + 1 < kArnColons));
  }
  return out;
}

Steps steps_of(const ClassPattern& pattern) {
  if (pattern.sense == PatternSense::arn && pattern.text != "*") return arn_steps(pattern.text);
  const bool wildcards = pattern.sense == PatternSense::like || pattern.sense == PatternSense::arn;
  Steps out;
  for (const char c : pattern.text) {
    if (wildcards && (c == '*' || c == '?')) {
      out.push_back(wildcard(c, /*not_colon=*/false));
    } else {
      out.push_back({.kind = Step::Kind::character,
                     .character = c,
                     .ignore_case = pattern.sense == PatternSense::ignoring_case});
    }
  }
  return out;
}

// Where a pattern may stand after some text: sorted, closed over empty moves. None: it can
// no longer match.
using Positions = std::vector<std::uint16_t>;

void close(const Steps& steps, Positions& at) {
  std::set<std::uint16_t> all(at.begin(), at.end());
  for (const std::uint16_t start : at) {
    auto position = start;
    while (position < steps.size() && steps[position].kind == Step::Kind::any_text) {
      all.insert(++position);
    }
  }
  at.assign(all.begin(), all.end());
}

Positions advance(const Steps& steps, const Positions& from, char c) {
  Positions out;
  for (const std::uint16_t position : from) {
    if (position == steps.size() || !steps[position].takes(c)) continue;
    const bool stays = steps[position].kind == Step::Kind::any_text;
    out.push_back(stays ? position : static_cast<std::uint16_t>(position + 1));
  }
  close(steps, out);
  return out;
}

// The walk over all texts at once, shortest first.
class Product {
 public:
  Product(std::vector<Steps> patterns, std::string alphabet, ValueLanguage language,
          bool first_is_required)
      : patterns_(std::move(patterns)),
        alphabet_(std::move(alphabet)),
        language_(language),
        first_is_required_(first_is_required) {}

  std::optional<std::vector<std::string>> run() {
    State start;
    for (const Steps& steps : patterns_) {
      Positions at{0};
      close(steps, at);
      start.patterns.push_back(std::move(at));
    }
    visit(std::move(start), {});
    while (!queue_.empty()) {
      const auto [state, text] = std::move(queue_.front());
      queue_.pop_front();
      note(state, text);
      if (finished(state)) continue;
      for (const char c : alphabet_) visit(after(state, c), text + c);
      if (seen_.size() > kMaxClassStates) return std::nullopt;
    }
    std::vector<std::string> out;
    for (auto& [matches, witness] : found_) out.push_back(std::move(witness));
    return out;
  }

 private:
  struct State {
    std::vector<Positions> patterns;
    std::size_t size = 0;  // Counted only where the language has a length.

    auto operator<=>(const State&) const = default;
  };

  bool finished(const State& state) const {
    return (language_ == ValueLanguage::measurement && state.size == kMeasurementSize) ||
           (first_is_required_ && state.patterns.front().empty());
  }

  State after(const State& state, char c) const {
    State out;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      out.patterns.push_back(advance(patterns_[i], state.patterns[i], c));
    }
    out.size = language_ == ValueLanguage::measurement ? state.size + 1 : 0;
    return out;
  }

  void visit(State state, std::string text) {
    if (seen_.insert(state).second) queue_.emplace_back(std::move(state), std::move(text));
  }

  void note(const State& state, const std::string& text) {
    if (language_ == ValueLanguage::measurement && state.size != kMeasurementSize) return;
    std::vector<bool> matches;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      const Positions& at = state.patterns[i];
      matches.push_back(!at.empty() && at.back() == patterns_[i].size());
    }
    if (first_is_required_ && !matches.front()) return;
    found_.emplace(std::move(matches), text);
  }

  std::vector<Steps> patterns_;
  std::string alphabet_;
  ValueLanguage language_;
  bool first_is_required_;
  std::set<State> seen_;
  std::deque<std::pair<State, std::string>> queue_;
  std::map<std::vector<bool>, std::string> found_;
};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Every character that a pattern tells from others, and one that none does.
std::string alphabet_of(const std::vector<ClassPattern>& patterns, ValueLanguage language) {
  if (language == ValueLanguage::measurement) return std::string(kDigits);
  std::set<char> out;
  for (const ClassPattern& pattern : patterns) {
    for (const char c : pattern.text) {
      out.insert(c);
      if (pattern.sense != PatternSense::ignoring_case) continue;
      out.insert(to_lower(c));
      if (c >= 'a' && c <= 'z') out.insert(static_cast<char>(c - 'a' + 'A'));
    }
    if (pattern.sense == PatternSense::arn) out.insert(':');
  }
  constexpr std::string_view kOthers = "xyzqwvjkXYZQWVJK0123456789abcdefghilmnoprstu-_~";
  const auto other = std::ranges::find_if(kOthers, [&](char c) { return !out.contains(c); });
  if (other != kOthers.end()) out.insert(*other);
  // Wildcards are characters like others in a value, and nobody's first choice.
  std::string text;
  for (const char c : out) {
    if (c != '*' && c != '?') text += c;
  }
  return text + "*?";
}

}  // namespace

std::optional<std::vector<std::string>> class_witnesses(
    const std::vector<ClassPattern>& patterns, ValueLanguage language,
    const std::optional<ClassPattern>& required) {
  std::vector<ClassPattern> all;
  if (required) all.push_back(*required);
  for (const ClassPattern& pattern : patterns) {
    if (!is_ascii(pattern.text) || pattern.text.size() > 2048) return std::nullopt;
    if (std::ranges::find(all, pattern) == all.end()) all.push_back(pattern);
  }
  std::vector<Steps> steps;
  steps.reserve(all.size());
  for (const ClassPattern& pattern : all) steps.push_back(steps_of(pattern));
  return Product(std::move(steps), alphabet_of(all, language), language, required.has_value())
      .run();
}

}  // namespace cofferdam::policy
