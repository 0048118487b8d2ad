// SPDX-License-Identifier: Apache-2.0
#include "cli/demo/narrator.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace cofferdam::cli::demo {
namespace {

constexpr std::size_t kLabelWidth = 12;

}  // namespace

Narrator::Narrator() : colour_(isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr) {}

std::string Narrator::paint(std::string_view code, std::string_view text) const {
  if (!colour_) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

void Narrator::title(std::string_view text) { std::cout << paint("1", text) << "\n"; }

void Narrator::chapter(std::string_view text) { std::cout << "\n" << paint("1", text) << "\n"; }

void Narrator::say(std::string_view text) { std::cout << "   " << text << '\n' << std::flush; }

void Narrator::evidence(std::string_view label, std::string_view value) {
  std::string padded(label);
  padded.resize(std::max(kLabelWidth, label.size() + 1), ' ');
  std::cout << "     " << paint("2", padded) << value << "\n";
}

void Narrator::quote(std::string_view line) { std::cout << "     " << paint("2", line) << "\n"; }

void Narrator::claim(bool holds, std::string_view text) {
  ++claims_;
  if (!holds) ++broken_;
  std::cout << "   " << (holds ? paint("32", "ok  ") : paint("31;1", "FAIL")) << " " << text << '\n'
            << std::flush;
}

}  // namespace cofferdam::cli::demo
