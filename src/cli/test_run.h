// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/command.h"

namespace cofferdam::cli::test {

// What a command left behind.
struct Outcome {
  Exit exit = Exit::ok;
  std::string out;
  std::string err;

  json::object json() const { return parse_json(out, std::size_t{1} << 20).value().as_object(); }
  std::string measurement(const char* pcr) const {
    const json::object printed = json();
    return std::string(printed.at("Measurements").as_object().at(pcr).as_string());
  }
  std::string text(std::string_view name) const {
    return required_string(json(), name).value_or("nothing of that name in " + out);
  }
};

// Runs one command in this process, as the program would.
inline Outcome run(void (*add)(CLI::App&, Exit&), std::vector<std::string> arguments) {
  CLI::App app;
  Outcome outcome;
  add(app, outcome.exit);
  std::ranges::reverse(arguments);  // As CLI11 takes them.
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError&) {
    outcome.exit = Exit::usage;
  }
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace cofferdam::cli::test
