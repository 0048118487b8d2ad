// SPDX-License-Identifier: Apache-2.0
#define FMT_HEADER_ONLY
#define SPDLOG_FMT_EXTERNAL
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace cofferdam::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("cofferdam",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("cofferdam: %l: %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

std::string escaped(std::string_view message) {
  std::string out;
  for (const char c : message) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\x{:02x}", code);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void start(std::string_view program, Level level) {
  logger().set_pattern(std::string(program) + ": %l: %v");
  switch (level) {
    case Level::debug:
      return logger().set_level(spdlog::level::debug);
    case Level::info:
      return logger().set_level(spdlog::level::info);
    case Level::warning:
      return logger().set_level(spdlog::level::warn);
    case Level::error:
      return logger().set_level(spdlog::level::err);
    case Level::off:
      return logger().set_level(spdlog::level::off);
  }
}

void debug(std::string_view message) { logger().debug("{}", escaped(message)); }
void info(std::string_view message) { logger().info("{}", escaped(message)); }
void warning(std::string_view message) { logger().warn("{}", escaped(message)); }
void error(std::string_view message) { logger().error("{}", escaped(message)); }

}  // namespace cofferdam::log
