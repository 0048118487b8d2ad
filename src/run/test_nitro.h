// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/test_folder.h"
#include "eif/test_image.h"
#include "run/test_environment.h"

namespace cofferdam::run::test {

// The world of tests/fake_nitro_cli, a stand-in for nitro-cli. Tests run in the source folder.
class FakeNitro {
 public:
  static std::filesystem::path program() {
    return std::filesystem::absolute("tests/fake_nitro_cli");
  }
  // A PATH in which the stand-in is nitro-cli.
  std::string path() {
    const std::filesystem::path bin = folder_.path("bin");
    std::filesystem::create_directory(bin);
    std::filesystem::create_symlink(program(), bin / "nitro-cli");
    return bin.string() + ":" + std::getenv("PATH");
  }

  void scenario(std::string_view name) { folder_.write("scenario", as_bytes(name)); }
  void measurements(std::string_view json) { folder_.write("measurements", as_bytes(json)); }
  std::string arguments() const {
    return read_text_file(folder_.path("arguments"), 65536).value_or("");
  }
  bool running() const { return std::filesystem::exists(folder_.path("running")); }
  void end() const { std::filesystem::remove(folder_.path("running")); }
  std::filesystem::path log() const { return folder_.path("nitro.log"); }

 private:
  TestFolder folder_;
  Variable world_{"FAKE_NITRO_DIR", folder_.path("").string()};
};

}  // namespace cofferdam::run::test
