// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cofferdam::cli::demo {

// Tells the story on standard output and keeps count of what came out wrong.
class Narrator {
 public:
  // Colour only when a person is watching.
  Narrator();

  void title(std::string_view text);
  void chapter(std::string_view text);
  // A step of the story, and the evidence for it.
  void say(std::string_view text);
  void evidence(std::string_view label, std::string_view value);
  // A line of a log, as it stands there.
  void quote(std::string_view line);
  // A claim that must hold for the demo to succeed.
  void claim(bool holds, std::string_view text);

  int broken_claims() const noexcept { return broken_; }
  int claims() const noexcept { return claims_; }

 private:
  std::string paint(std::string_view code, std::string_view text) const;

  bool colour_ = false;
  int claims_ = 0;
  int broken_ = 0;
};

}  // namespace cofferdam::cli::demo
