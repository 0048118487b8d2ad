// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <iostream>
#include <string>

namespace cofferdam::cli {

Exit exit_for(const Error& error) noexcept {
  switch (error.code) {
    case Errc::invalid_input:
    case Errc::unauthenticated:
    case Errc::denied:
      return Exit::negative;
    case Errc::not_found:
    case Errc::unavailable:
    case Errc::deadline_exceeded:
    case Errc::internal:
      return Exit::environment;
  }
  return Exit::environment;
}

void print_error(const Error& error, std::string_view hint) {
  std::cerr << "cofferdam: error: " << error.detail;
  if (!error.reason.empty()) std::cerr << " [" << error.reason << "]";
  std::cerr << '\n';
  if (!hint.empty()) std::cerr << "cofferdam: hint: " << hint << '\n';
}

}  // namespace cofferdam::cli
