// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "base/byte_view.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"

// Shared by the tests of this folder.
namespace cofferdam::crypto::test {

inline std::filesystem::path vectors_folder() {
  const char* folder = std::getenv("COFFERDAM_VECTORS");
  return folder != nullptr ? folder : "../shared/vectors";
}

inline Bytes hex(std::string_view text) {
  auto bytes = from_hex(text);
  EXPECT_TRUE(bytes.has_value()) << text;
  return bytes.value_or(Bytes());
}

inline Bytes hex_of(const json::value& text) { return hex(std::string_view(text.as_string())); }

// A folder for one test, and commands that run in it.
class Workplace {
 public:
  std::filesystem::path path(std::string_view name) const { return folder_ / name; }
  void save(const std::string& name, ByteView content) const {
    EXPECT_TRUE(write_file_atomic(folder_ / name, content, 0600).has_value());
  }
  Bytes load(const std::string& name) const {
    return read_file(folder_ / name, 1 << 20).value_or(Bytes());
  }
  // Whether the command succeeded; what it printed is in the file `out`.
  bool run(const std::string& command) const {
    const std::string line = "cd '" + folder_.path().string() + "' && (" + command + ") >out 2>&1";
    return std::system(line.c_str()) == 0;  // NOLINT(cert-env33-c): a fixed command
  }
  std::string output() const { return std::string(as_text(load("out"))); }

 private:
  TestFolder folder_;
};

}  // namespace cofferdam::crypto::test
