// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// The room of `cofferdam doctor`: what a machine lacks to build, test or run enclaves. Checks
// are pure: they judge a Machine, which is a folder and a few numbers, so a test can state any
// machine. Nothing here changes a machine.
namespace cofferdam::doctor {

enum class State : std::uint8_t {
  ok,
  warning,  // Works, but not for long or not for everything.
  problem,  // Must be fixed.
  skipped,  // Could not be judged, or does not matter here.
};

std::string_view state_name(State state) noexcept;

struct Finding {
  std::string_view id;     // Stable, for scripts: "enclave-device".
  std::string_view title;  // For people: "Enclave device".
  State state = State::ok;
  std::string found;  // What is there.
  std::string why;    // What it matters for. Empty when all is well.
  std::string fix;    // A command, or what to change. Empty when all is well.
};

// What is being looked at: the same id and title for each outcome.
struct Subject {
  std::string_view id;
  std::string_view title;

  Finding ok(std::string found) const {
    return {.id = id,
            .title = title,
            .state = State::ok,
            .found = std::move(found),
            .why = {},
            .fix = {}};
  }
  Finding skipped(std::string found) const {
    return {.id = id,
            .title = title,
            .state = State::skipped,
            .found = std::move(found),
            .why = {},
            .fix = {}};
  }
  Finding warning(std::string found, std::string why, std::string fix) const {
    return {.id = id,
            .title = title,
            .state = State::warning,
            .found = std::move(found),
            .why = std::move(why),
            .fix = std::move(fix)};
  }
  Finding problem(std::string found, std::string why, std::string fix) const {
    return {.id = id,
            .title = title,
            .state = State::problem,
            .found = std::move(found),
            .why = std::move(why),
            .fix = std::move(fix)};
  }
};

}  // namespace cofferdam::doctor
